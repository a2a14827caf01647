"""What goes to `docker stack deploy`, made from the Compose file and deploy/swarm/swarm.yml; no engine is needed."""

import json
import re

import jsonschema
import pytest
import yaml

from adapters.settings import PROJECT_ROOT
from deploy.compose.engine import StackError
from deploy.swarm import rollout
from deploy.swarm.cluster import DATA, OVERRIDE
from deploy.swarm.stack_file import only, stack_file
from tests.compose_secrets import make_compose_secrets
from tests.deploy.swarm.compose_config import resolved

SPECIFICATION = PROJECT_ROOT / "tests" / "deploy" / "compose" / "compose-spec.json"
BASE = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
SERVICES = {name: s for name, s in BASE["services"].items() if "profiles" not in s}
KEEPS_DATA = {name for name, s in SERVICES.items() if s.get("volumes")} - {
    "api",
    "shipper",
    "gateway",
}
PINNED = [f"node.labels.{DATA} == true"]
JOBS = {"migrate", "train-first"}
ENGINE_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-_.]*[a-zA-Z0-9])?")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swarm") / "secrets"
    make_compose_secrets(folder)
    for name in ("gateway_certificate", "gateway_key"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def model(secrets):
    return resolved(secrets)


@pytest.fixture
def file(model):
    return stack_file(model, "ontime", {"ontime/api:latest": "ontime/api:swarm-0123456789ab"})


def test_what_is_added_is_valid_under_the_compose_specification():
    validator = jsonschema.Draft7Validator(json.loads(SPECIFICATION.read_text()))
    added = yaml.safe_load((PROJECT_ROOT / OVERRIDE).read_text())
    assert [error.message for error in validator.iter_errors(added)] == []
    assert set(added["services"]) == set(SERVICES)


def test_limits_and_hardening_are_those_of_compose(file, model):
    for name, service in SERVICES.items():
        made = file["services"][name]
        limits = made["deploy"]["resources"]["limits"]
        assert limits["memory"] == model["services"][name]["mem_limit"], name
        assert limits["pids"] == service["pids_limit"], name
        assert (made["read_only"], made["cap_drop"], made["init"]) == (True, ["ALL"], True), name
        assert isinstance(limits["cpus"], str), name


def test_what_lies_in_memory_has_the_size_that_compose_gives_it(file):
    def in_memory(name: str) -> list:
        return [v for v in file["services"][name]["volumes"] if (v["type"], v["target"]) == ("tmpfs", "/tmp")]

    assert in_memory("gateway") == [{"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": 256 * 2**20}}]
    assert in_memory("features") == [{"type": "tmpfs", "target": "/tmp"}]


def test_no_key_is_there_that_stack_deploy_refuses_or_ignores(file):
    taken = {
        "cap_drop", "command", "configs", "deploy", "entrypoint", "environment", "healthcheck", "image", "init",
        "logging", "networks", "ports", "read_only", "secrets", "stop_grace_period", "stop_signal", "user", "volumes",
    }  # fmt: skip
    for name, service in file["services"].items():
        assert set(service) <= taken, name


def test_a_key_that_is_not_known_is_an_error_that_names_it(model):
    model["services"]["api"]["userns_mode"] = "host"
    with pytest.raises(StackError, match="api: deploy/swarm does not know userns_mode"):
        stack_file(model, "ontime", {})


def test_a_service_of_which_swarm_yml_says_nothing_is_an_error(model):
    del model["services"]["watchman"]["deploy"]
    with pytest.raises(StackError, match="nothing is said of watchman"):
        stack_file(model, "ontime", {})


def test_what_keeps_data_is_pinned_to_the_labelled_node(file):
    assert {"postgres", "mlflow", "prefect-worker", "watchman"} <= KEEPS_DATA
    for name in KEEPS_DATA | {"prefect-server"}:
        deploy = file["services"][name]["deploy"]
        assert deploy["placement"]["constraints"] == PINNED, name
        assert deploy.get("mode", "replicated") in ("replicated", "replicated-job"), name
        assert deploy.get("replicas", 1) == 1, name


def test_two_never_write_into_one_volume_of_a_server(file):
    for name in KEEPS_DATA - JOBS:
        deploy = file["services"][name]["deploy"]
        assert deploy["update_config"]["order"] == "stop-first", name


def test_the_api_rolls_one_new_replica_at_a_time_and_goes_back_by_itself(file):
    deploy = file["services"]["api"]["deploy"]
    update = deploy["update_config"]
    assert (update["order"], update["parallelism"], update["failure_action"]) == (
        "start-first",
        1,
        "rollback",
    )
    assert deploy["rollback_config"]["order"] == "start-first"
    assert "healthcheck" in file["services"]["api"]
    assert "placement" not in deploy


def test_a_shipper_is_on_every_node_and_outlasts_a_replica_that_ends(file):
    shipper, api = file["services"]["shipper"], file["services"]["api"]
    assert shipper["deploy"]["mode"] == "global"
    assert "placement" not in shipper["deploy"]
    linger = float(shipper["command"][-1])
    assert shipper["command"][-2] == "--linger"
    assert seconds(api["stop_grace_period"]) < linger < seconds(shipper["stop_grace_period"])
    spools = [v for s in (shipper, api) for v in s["volumes"] if v.get("source") == "spool"]
    assert [volume["target"] for volume in spools] == ["/state/spool"] * 2


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def test_without_ipvs_names_lead_to_tasks_and_ports_are_the_nodes(file):
    for name, service in file["services"].items():
        if name not in JOBS:
            assert service["deploy"]["endpoint_mode"] == "dnsrr", name
    assert {port["mode"] for port in file["services"]["gateway"]["ports"]} == {"host"}


def test_with_ipvs_the_mesh_is_a_setting_and_concerns_the_gateway_alone(model):
    file = stack_file(model, "ontime", {}, ingress="mesh")
    modes = {name: s["deploy"].get("endpoint_mode") for name, s in file["services"].items()}
    assert [name for name, mode in modes.items() if mode == "vip"] == ["gateway"]
    assert {port["mode"] for port in file["services"]["gateway"]["ports"]} == {"ingress"}
    with pytest.raises(StackError, match="SWARM_INGRESS: expected one of host, mesh, got 'vip'"):
        stack_file(model, "ontime", {}, ingress="vip")


def test_what_compose_publishes_on_loopback_is_not_published_at_all(file):
    published = {
        name: [p["target"] for p in s["ports"]] for name, s in file["services"].items() if s["ports"]
    }
    assert published == {"gateway": [8443, 8081]}


def test_files_of_the_checkout_come_as_configs_of_their_content(file):
    entries = {entry["target"]: entry for entry in file["services"]["gateway"]["configs"]}
    assert {"/etc/ontime/gateway.conf", "/etc/ontime/start.sh"} <= set(entries)
    (script,) = file["services"]["postgres"]["configs"]
    assert (script["target"], script["mode"]) == ("/docker-entrypoint-initdb.d/10-databases.sh", 0o555)
    assert all(v["type"] != "bind" for s in file["services"].values() for v in s["volumes"])


def test_what_must_not_be_roots_is_a_volume(file):
    volumes = {v["target"]: v["type"] for v in file["services"]["postgres"]["volumes"]}
    assert volumes["/var/run/postgresql"] == "volume"
    assert volumes["/dev/shm"] == volumes["/tmp"] == "tmpfs"


def test_a_secret_that_changes_gets_another_name_and_no_other_does(model, secrets, file):
    password = secrets / "mlflow_password"
    password.chmod(0o600)
    before = password.read_text()
    try:
        password.write_text("another")
        after = stack_file(model, "ontime", {})
    finally:
        password.write_text(before)
    names = [{name: entry["name"] for name, entry in f["secrets"].items()} for f in (file, after)]
    assert [name for name in names[0] if names[0][name] != names[1][name]] == ["mlflow_password"]
    assert not any(before in json.dumps(f) for f in (file, after))


def test_names_fit_the_engine(model):
    file = stack_file(model, "ontime-test-0a1b2c", {})
    for kind in ("secrets", "configs"):
        for entry in file[kind].values():
            assert len(entry["name"]) <= 64
            assert ENGINE_NAME.fullmatch(entry["name"])


def test_our_images_are_named_by_their_content(file):
    assert (
        file["services"]["api"]["image"]
        == file["services"]["shipper"]["image"]
        == "ontime/api:swarm-0123456789ab"
    )
    assert file["services"]["postgres"]["image"] == "postgres:17-trixie"


def test_a_part_of_the_file_has_what_its_services_need_and_no_more(file):
    part = only(file, ["shipper"])
    assert list(part["services"]) == ["shipper"]
    assert list(part["secrets"]) == ["postgres_api_password"]
    assert (list(part["networks"]), list(part["volumes"]), part["configs"]) == (["inside"], ["spool"], {})


def test_every_service_is_brought_up_in_some_step(file):
    steps = {*rollout.DATABASE, *rollout.SERVERS, *rollout.JOBS, *rollout.API, "gateway"}
    assert steps | set(rollout.beside_the_api(file)) == set(file["services"])
    assert not steps & set(rollout.beside_the_api(file))


def test_what_follows_the_roll_acts_as_the_owner_of_the_tables(file):
    job = rollout.with_contract(file)["services"][rollout.CONTRACT]
    assert job["command"][-1].endswith("&& python -m ontime migrate")
    assert job["environment"]["ONTIME_POSTGRES_USER"] == "ontime"
