"""From the Compose file, as Compose resolves it, to one that `docker stack deploy` takes.

That command knows an older form of the file than Compose does: limits stand elsewhere, some keys are ignored or
refused. Nothing is dropped in silence here: a key that is in none of the lists below is an error.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.compose.engine import ROOT, StackError

Model = dict[str, Any]
"""A Compose file, or a part of one."""

TAKEN = (
    "cap_drop", "command", "entrypoint", "environment", "healthcheck", "init", "logging", "networks", "read_only",
    "stop_grace_period", "stop_signal", "user",
)  # fmt: skip
"""What both forms have."""
CHANGED = (
    "cpus", "deploy", "image", "mem_limit", "pids_limit", "ports", "secrets", "shm_size", "tmpfs", "volumes",
)  # fmt: skip
LEFT_OUT = {
    "build": "images are made before, and brought to the nodes",
    "depends_on": "Swarm knows no order: the command deploys in order, and a part that lacks another starts again",
    "pull_policy": "a node uses the image that it has",
    "restart": "deploy.restart_policy says it",
    "security_opt": "Swarm cannot set it for a service: no-new-privileges is a setting of each node's daemon",
}
"""What Swarm has not, and why it can go."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
INGRESS = ("host", "mesh")
DIGEST = 10
"""Hexadecimal digits: names of secrets and configs have at most 64 characters in all."""


def stack_file(model: Model, stack: str, images: Mapping[str, str], ingress: str = "host") -> Model:
    """Return the file for `docker stack deploy`.

    Parameters
    ----------
    model : mapping
        The Compose file, of Compose's own `config`.
    stack : str
        Name of the stack: names of secrets and configs begin with it.
    images : mapping
        References to put in the place of images.
    ingress : str
        `host`: a gateway's ports are its node's. `mesh`: any node passes a connection on; needs IPVS in the kernels.

    Raises
    ------
    StackError
        If the file has something that this does not know.
    """
    if ingress not in INGRESS:
        raise StackError(f"SWARM_INGRESS: expected one of {', '.join(INGRESS)}, got {ingress!r}")
    configs: Model = {}
    services = {
        name: _service(name, service, stack, images, ingress, configs)
        for name, service in model["services"].items()
    }
    return {
        "version": "3.9",
        "services": services,
        "networks": {name: _network(network) for name, network in model["networks"].items()},
        "volumes": {name: {} for name in model.get("volumes", {})},
        "secrets": {name: _secret(name, s, stack) for name, s in model.get("secrets", {}).items()},
        "configs": configs,
    }


def only(file: Model, services: Iterable[str]) -> Model:
    """Return the part of a stack's file that some services need."""
    chosen = {name: file["services"][name] for name in services}
    part = {"version": file["version"], "services": chosen}
    for kind in ("secrets", "configs"):
        used = {entry["source"] for service in chosen.values() for entry in service.get(kind, [])}
        part[kind] = {name: value for name, value in file[kind].items() if name in used}
    networks = {name for service in chosen.values() for name in service["networks"]}
    part["networks"] = {name: file["networks"][name] for name in sorted(networks)}
    volumes = {v["source"] for s in chosen.values() for v in s["volumes"] if v["type"] == "volume"}
    part["volumes"] = {name: file["volumes"][name] for name in sorted(volumes)}
    return part


def _service(
    name: str, service: Model, stack: str, images: Mapping[str, str], ingress: str, configs: Model
) -> Model:
    there = {key: value for key, value in service.items() if value is not None}
    unknown = sorted(set(there) - {*TAKEN, *CHANGED, *LEFT_OUT})
    if unknown:
        raise StackError(f"docker-compose.yml, {name}: deploy/swarm does not know {', '.join(unknown)}")
    made: Model = {key: there[key] for key in TAKEN if key in there}
    made["image"] = images.get(there["image"], there["image"])
    made["secrets"] = [{"source": s["source"], "target": s["target"]} for s in there.get("secrets", [])]
    made["volumes"] = [*_volumes(there), *_in_memory(there)]
    made["configs"] = _configs(there, stack, configs)
    made["ports"] = _ports(there, ingress)
    made["deploy"] = _deploy(name, there, bool(made["ports"]) and ingress == "mesh")
    return made


def _deploy(name: str, service: Model, in_mesh: bool) -> Model:
    if "deploy" not in service:
        raise StackError(f"deploy/swarm/swarm.yml: nothing is said of {name}")
    deploy = {key: value for key, value in service["deploy"].items() if value}
    if in_mesh:
        deploy["endpoint_mode"] = "vip"
    limits = {
        "cpus": str(service["cpus"]), "memory": str(service["mem_limit"]), "pids": service["pids_limit"],
    }  # fmt: skip
    return deploy | {"resources": {"limits": limits}}


def _volumes(service: Model) -> list[Model]:
    kept = [volume for volume in service.get("volumes", []) if volume["type"] == "volume"]
    return [
        {
            "type": "volume",
            "source": v["source"],
            "target": v["target"],
            "read_only": v.get("read_only", False),
        }
        for v in kept
    ]


def _in_memory(service: Model) -> list[Model]:
    """Return what lies in memory, where no volume does.

    Swarm gives it to root with the mode of the image's folder, of /tmp where the image has none: what belongs to
    another user there needs a volume, which takes the owner too.
    """
    on_disk = {volume["target"] for volume in service.get("volumes", [])}
    entries = [entry.partition(":") for entry in service.get("tmpfs", [])]
    found = [_tmpfs(target, options) for target, _, options in entries if target not in on_disk]
    if "shm_size" in service:
        found.append({"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": int(service["shm_size"])}})  # noqa: S108
    return found


def _tmpfs(target: str, options: str) -> Model:
    size = re.search(r"\bsize=(\d+)m", options)
    return {"type": "tmpfs", "target": target} | ({"tmpfs": {"size": int(size[1]) * 2**20}} if size else {})


def _configs(service: Model, stack: str, configs: Model) -> list[Model]:
    """Return the files of the checkout that a service mounts, each as a config: a node has no checkout."""
    mounted = []
    for volume in service.get("volumes", []):
        if volume["type"] != "bind":
            continue
        folder = Path(volume["source"])
        if not folder.is_relative_to(ROOT):
            raise StackError(f"{folder} is mounted from this machine, and other nodes do not have it")
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            place = f"{volume['target']}/{file.relative_to(folder)}"
            digest = hashlib.sha256(place.encode() + b"\n" + file.read_bytes()).hexdigest()[:DIGEST]
            key = f"{file.name}_{digest}"
            configs[key] = {"file": str(file), "name": f"{stack}_{key}"}
            mode = 0o555 if file.stat().st_mode & 0o100 else 0o444
            mounted.append({"source": key, "target": place, "mode": mode})
    return mounted


def _ports(service: Model, ingress: str) -> list[Model]:
    """Return the ports that are for everybody; Swarm cannot publish one on loopback, so those are not published."""
    return [
        {
            "target": port["target"],
            "published": int(port["published"]),
            "protocol": port["protocol"],
            "mode": "host" if ingress == "host" else "ingress",
        }
        for port in service.get("ports", [])
        if port.get("host_ip") not in LOOPBACK
    ]


def _network(network: Model) -> Model:
    return {"driver": "overlay", "internal": bool(network.get("internal"))}


def _secret(name: str, secret: Model, stack: str) -> Model:
    """Return a secret under a name that changes with its value: one that exists cannot be changed."""
    file = Path(secret["file"])
    if not file.exists():
        raise StackError(f"the secret {file} is missing: run `make secrets`")
    return {"file": str(file), "name": f"{stack}_{name}_{_fingerprint(name, file.read_bytes())}"}


def _fingerprint(name: str, value: bytes) -> str:
    """Compute what stands for a secret in a name that operators see: dear to compute, so that nobody tries values."""
    return hashlib.scrypt(value, salt=f"ontime {name}".encode(), n=2**14, r=8, p=1).hex()[:DIGEST]
