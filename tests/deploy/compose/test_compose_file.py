"""What must be true of the Compose stack, read from its files; no engine is needed."""

import ast
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from adapters.settings import PREFIX, PROJECT_ROOT, example_env, read_settings
from deploy.compose import engine
from deploy.compose.certificate import CERTIFICATE, KEY
from deploy.compose.secrets import PREFIXES, PUBLIC_KEYS
from domain.capacity import COMPOSE_MEMORY
from services.health import CHECKS

FILE = PROJECT_ROOT / "docker-compose.yml"
SPECIFICATION = Path(__file__).with_name("compose-spec.json")
"""The schema of the Compose specification as of June 2026, by its authors, under the Apache License 2.0."""
RUN_TO_COMPLETION = {"migrate", "train-first"}
WITHOUT_HEALTHCHECK = RUN_TO_COMPLETION | {"feed"}
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

each_service = pytest.mark.parametrize("name", SERVICES)


def test_the_file_is_valid_under_the_compose_specification():
    validator = jsonschema.Draft7Validator(json.loads(SPECIFICATION.read_text()))
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []


def test_docker_compose_by_hand_is_about_the_project_that_make_up_starts(monkeypatch):
    """Whatever the folder of the checkout is called, after which Compose would name it."""
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    assert COMPOSE["name"] == engine.environment()["COMPOSE_PROJECT_NAME"]


def test_each_image_is_built_by_one_service():
    """Two that build the same tag are exported side by side, and newer engines refuse the second."""
    builders = Counter(service["image"] for service in SERVICES.values() if "build" in service)
    assert set(builders.values()) == {1}
    assert set(builders) == {s["image"] for s in SERVICES.values() if s["image"].startswith("ontime/")}


def test_memory_that_a_site_may_have_to_raise_is_a_setting():
    asked = [
        re.fullmatch(r"\$\{(\w+):-(\d+)([mg])\}", str(service["mem_limit"])) for service in SERVICES.values()
    ]
    mebibytes = {"m": 1, "g": 1024}
    assert {one[1]: int(one[2]) * mebibytes[one[3]] for one in asked if one} == COMPOSE_MEMORY


@each_service
def test_more_than_one_processor_is_a_setting_that_follows_the_engine(name):
    """An engine refuses a container that may use more than there are."""
    cpus = str(SERVICES[name]["cpus"])
    if not cpus.startswith("$"):
        assert float(cpus) <= 1
    else:
        asked = re.fullmatch(r"\$\{(\w+):-(\d)\}", cpus)
        assert asked[1] in engine.PROCESSORS
        assert int(asked[2]) == engine.MOST_PROCESSORS


def test_bodies_that_wait_in_the_gateway_leave_it_memory():
    """They come before any key is looked at, and lie in memory: in nginx's own, and beyond that in /tmp."""
    gateway = SERVICES["gateway"]
    configuration = (PROJECT_ROOT / "deploy/images/nginx/gateway.conf").read_text()
    [size] = [re.search(r"size=(\d+)m", entry)[1] for entry in gateway["tmpfs"]]
    [most] = re.findall(r"limit_conn large_bodies (\d+);", configuration)
    largest, _ = re.findall(r"client_max_body_size (\d+)m;", configuration)
    assert int(most) * int(largest) < int(size) <= int(gateway["mem_limit"].removesuffix("m")) / 2
    # What goes through MLflow's page is larger than all of it, and is not kept.
    [mlflow] = re.findall(r"listen 5000;.*?\n  }", configuration, re.DOTALL)
    assert "proxy_request_buffering off;" in mlflow
    assert "proxy_max_temp_file_size 0;" in mlflow


def test_the_gateway_has_as_many_processes_on_a_large_host_as_on_a_small_one():
    configuration = (PROJECT_ROOT / "deploy/images/nginx/gateway.conf").read_text()
    assert re.findall(r"worker_processes (\w+);", configuration) == ["2"]


def test_a_dask_worker_may_use_the_memory_of_its_container():
    worker = SERVICES["dask-worker"]
    limit = worker["command"][worker["command"].index("--memory-limit") + 1]
    assert (limit, worker["mem_limit"]) == ("3584MiB", "4g")  # the rest is Python's own


@each_service
def test_no_image_of_ours_is_pulled(name):
    """A registry may hold somebody else's image of that name."""
    service = SERVICES[name]
    assert ("ontime/" in service["image"]) == (service.get("pull_policy") == "never")


def test_the_volume_of_postgresql_is_named_after_its_release():
    """So that another release begins a volume of its own, and the old one stays."""
    service = SERVICES["postgres"]
    [release] = re.findall(r"^postgres:(\d+)-", service["image"])
    assert f"postgres-data-{release}:/var/lib/postgresql/data" in service["volumes"]


def test_an_images_python_is_named_once():
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text()
    assert len(re.findall(r"python:?3\.\d+", dockerfile)) == 1


@each_service
def test_every_service_is_hardened(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert not service.get("privileged")
    assert "/tmp" in [entry.partition(":")[0] for entry in service["tmpfs"]]


@each_service
def test_every_service_has_limits(name):
    assert {"mem_limit", "cpus", "pids_limit"} <= set(SERVICES[name])


@each_service
def test_no_service_runs_as_root(name):
    service = SERVICES[name]
    if "ontime/" in service["image"]:
        last_user = re.findall(r"^USER (.+)$", dockerfile_stage(image_target(service)), re.MULTILINE)[-1]
        assert last_user == "10001:10001"
    else:
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])


@each_service
def test_every_server_has_a_healthcheck_and_comes_back(name):
    service = SERVICES[name]
    if name not in WITHOUT_HEALTHCHECK:
        assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == ("no" if name in RUN_TO_COMPLETION else "unless-stopped")


@each_service
def test_dependencies_wait_for_a_condition(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        condition = how["condition"]
        if other in RUN_TO_COMPLETION:
            assert condition == "service_completed_successfully"
        elif condition == "service_healthy":
            assert "healthcheck" in SERVICES[other]


@each_service
def test_only_the_gateway_publishes_a_port_beyond_loopback(name):
    ports = SERVICES[name].get("ports", [])
    beyond = [port for port in ports if not port.startswith("127.0.0.1:")]
    # TLS, and plain HTTP that is sent on to it.
    assert [port.rpartition(":")[2] for port in beyond] == (["8443", "8081"] if name == "gateway" else [])


@each_service
def test_only_the_gateway_has_a_route_out(name):
    networks = SERVICES[name]["networks"]
    assert networks == (["inside", "outside"] if name == "gateway" else ["inside"])
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_the_scheduler_that_runs_the_code_it_is_sent_holds_no_secret_and_starts_when_asked_for():
    scheduler = SERVICES["dask-scheduler"]
    assert {"secrets", "volumes", "ports"} & set(scheduler) == set()
    assert scheduler["profiles"] == SERVICES["dask-worker"]["profiles"] == ["dask"]
    address = f"tcp://dask-scheduler:{scheduler['command'][scheduler['command'].index('--port') + 1]}"
    assert address in SERVICES["dask-worker"]["command"]
    assert address in SERVICES["prefect-worker"]["environment"]["ONTIME_DASK_SCHEDULER"]


@each_service
def test_no_secret_is_in_the_environment(name):
    for variable, value in SERVICES[name].get("environment", {}).items():
        secret = re.search(r"PASSWORD|SECRET|TOKEN|AUTH_STRING|_KEY(?!S_DIR)|CONNECTION_URL", variable)
        assert not secret or str(value).startswith("/run/secrets/"), f"{variable} holds a secret's value"


@each_service
def test_each_service_gets_only_secrets_that_are_files(name):
    for secret in SERVICES[name].get("secrets", []):
        assert set(COMPOSE["secrets"][secret]) == {"file"}


def test_every_secret_is_made_at_first_start():
    assert {*PREFIXES, PUBLIC_KEYS, CERTIFICATE, KEY} == set(COMPOSE["secrets"])


def test_the_settings_of_every_service_are_known():
    for service in SERVICES.values():
        read_settings({k: str(v) for k, v in service.get("environment", {}).items() if "$" not in str(v)})
        for variable in service.get("environment", {}):
            assert not variable.startswith(PREFIX) or f"{variable}=" in example_env()


def test_every_variable_of_the_compose_file_is_documented():
    used = set(re.findall(r"\$\{([A-Z_]+)", FILE.read_text()))
    documented = (PROJECT_ROOT / ".env.example").read_text()
    missing = {variable for variable in used if f"# {variable}=" not in documented}
    assert missing == set()


def test_every_variable_has_a_default_that_is_no_password():
    for variable, default in re.findall(r"\$\{([A-Z_]+)([^}]*)\}", FILE.read_text()):
        assert default.startswith(":-"), f"{variable} has no default: a clean clone would not start"
        assert "PASSWORD" not in variable


@pytest.mark.parametrize("telemetry", ["MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"])
@pytest.mark.parametrize("name", ["mlflow", "api", "prefect-worker", "migrate", "train-first", "feed"])
def test_telemetry_of_mlflow_and_evidently_is_off(name, telemetry):
    assert SERVICES[name]["environment"][telemetry] in ("true", "1")


@pytest.mark.parametrize("name", ["prefect-server", "prefect-worker", "migrate", "train-first"])
def test_telemetry_of_prefect_is_off(name):
    assert SERVICES[name]["environment"]["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_mlflow_is_asked_by_the_name_that_clients_use():
    assert "mlflow:5000" in SERVICES["mlflow"]["healthcheck"]["test"]
    assert "'mlflow,mlflow:*" in (PROJECT_ROOT / "deploy/images/entrypoints/mlflow.sh").read_text()


def test_named_volumes_hold_all_data():
    mounts = [v for service in SERVICES.values() for v in service.get("volumes", [])]
    written = {v.split(":")[0] for v in mounts if not v.endswith(":ro")}
    assert written == set(COMPOSE["volumes"])


def test_replicas_and_the_shipper_share_the_spool():
    assert "spool:/state/spool" in SERVICES["api"]["volumes"]
    assert "spool:/state/spool" in SERVICES["shipper"]["volumes"]
    assert "container_name" not in SERVICES["api"]


def image_target(service: dict[str, Any]) -> str:
    return re.fullmatch(r"ontime/(\w+):.*", service["image"]).group(1)


def dockerfile_stage(target: str) -> str:
    stages = re.split(r"^FROM ", (PROJECT_ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return next(stage for stage in stages if stage.splitlines()[0].endswith(f" AS {target}"))


@pytest.mark.parametrize("target", ["api", "mlflow", "prefect", "worker"])
def test_an_image_is_built_from_locked_libraries_without_a_compiler(target):
    stage = dockerfile_stage(target)
    assert f"COPY --from={target}-libraries /venv /venv" in stage
    assert not re.search(r"\b(gcc|build-essential|pip install|uv pip)\b", stage)
    assert "--require-hashes" in dockerfile_stage(f"{target}-libraries")


@pytest.mark.parametrize("target", ["api", "mlflow", "prefect", "worker"])
def test_another_user_reads_what_a_checkout_may_keep_to_its_owner(target):
    """A clone made with umask 077 has files of 0600, and BuildKit keeps their modes."""
    stage = dockerfile_stage(target)
    opened = re.search(r"^RUN chmod -R a\+rX (.+?)( &&| \\|$)", stage, re.MULTILINE)
    folders = {"/entrypoints"} | ({"/ontime"} if "WORKDIR /ontime" in stage else set())
    assert set(opened[1].split()) == folders
    assert stage.rindex("\nCOPY") < opened.start() < stage.index("\nUSER")


@each_service
def test_no_proxy_of_the_dockers_client_stands_before_a_server_of_the_stack(name):
    variables = SERVICES[name].get("environment", {})
    addresses = [value for value in map(str, variables.values()) if value.startswith("http://")]
    asked = {urlsplit(address).hostname for address in addresses} & set(SERVICES)
    for variable in ("NO_PROXY", "no_proxy") if asked else ():
        assert asked | {"127.0.0.1", "localhost"} <= set(variables[variable].split(","))


@pytest.mark.parametrize("target", ["api", "worker"])
def test_code_comes_after_libraries(target):
    stage = dockerfile_stage(target)
    assert stage.index("COPY --from=") < stage.index("COPY domain domain")


def copied_modules(target: str) -> set[str]:
    """Modules of the product in an image, by their full names."""
    names = re.findall(r"^COPY (?!--from|deploy/images)(.+) \S+$", dockerfile_stage(target), re.MULTILINE)
    paths = [PROJECT_ROOT / name for line in names for name in line.split()]
    files = {file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])}
    parts = [file.relative_to(PROJECT_ROOT).with_suffix("").parts for file in files]
    return {".".join(name[:-1] if name[-1] == "__init__" else name) for name in parts}


def imports_at_start(module: str) -> set[str]:
    """Modules of the product that a module imports when it is imported; what its functions import is left out."""
    path = PROJECT_ROOT / Path(*module.split("."))
    # The inbox is a folder beside the module of that name.
    file = path.with_suffix(".py")
    tree = ast.parse((file if file.exists() else path / "__init__.py").read_text())
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if is_ours(name)}


def is_ours(module: str) -> bool:
    path = PROJECT_ROOT / Path(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize(("target", "elsewhere"), [("api", {"services.watchman"}), ("worker", set())])
def test_an_image_holds_what_its_modules_import(target, elsewhere):
    """The watchman is in the API's image only because the other services are; it runs in the worker's."""
    there = copied_modules(target)
    assert {"adapters.settings", "services.health", "deploy.pipeline.trial"} <= there
    missing = {name: imports_at_start(name) - there for name in there - elsewhere}
    assert {name: modules for name, modules in missing.items() if modules} == {}


@pytest.mark.parametrize("service", ["shipper", "features", "watchman"])
def test_a_service_without_a_port_is_asked_by_the_definition_of_its_image(service):
    assert SERVICES[service]["healthcheck"]["test"] == ["CMD", "python", "-m", "services.health", service]
    assert service in CHECKS
    assert "services.health" in copied_modules(image_target(SERVICES[service]))


@pytest.mark.parametrize("image", ["api", "mlflow", "prefect", "worker"])
def test_an_image_and_the_developer_run_the_same_versions(image):
    def versions(file: Path) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", file.read_text(), re.MULTILINE))

    everything = versions(PROJECT_ROOT / "requirements/all.txt")
    locked = versions(PROJECT_ROOT / f"requirements/{image}.txt")
    assert {n: v for n, v in locked.items() if everything.get(n, v) != v} == {}
    asked = re.findall(
        r"^([A-Za-z0-9-]+)", (PROJECT_ROOT / f"requirements/{image}.in").read_text(), re.MULTILINE
    )
    assert {name.lower() for name in asked} <= set(locked)


@pytest.mark.parametrize("library", ["pandas", "scikit-learn", "scipy", "prefect", "evidently"])
def test_the_api_image_holds_nothing_that_trains(library):
    assert f"\n{library}==" not in (PROJECT_ROOT / "requirements/api.txt").read_text()


def test_locks_name_no_index():
    for file in (PROJECT_ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://", file.read_text()), file.name
