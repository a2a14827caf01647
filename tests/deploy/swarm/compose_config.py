"""The Compose file with what Swarm adds, as Compose would resolve both: a stand-in for its `config`, without it."""

import re
from pathlib import Path
from typing import Any

import yaml

from adapters.settings import PROJECT_ROOT
from deploy.swarm.cluster import OVERRIDE

SHARED = {"256m": "268435456"}
LISTS = ("volumes", "secrets", "ports", "tmpfs")


def resolved(secrets: Path) -> dict[str, Any]:
    """Services without a profile; the secrets lie in a folder."""
    base, more = (_read(name, secrets) for name in ("docker-compose.yml", OVERRIDE))
    chosen = {name: s for name, s in base["services"].items() if "profiles" not in s}
    services = {name: _merged(s, more["services"].get(name, {})) for name, s in chosen.items()}
    return {
        "services": {name: _long(service) for name, service in services.items()},
        "networks": {name: network or {} for name, network in base["networks"].items()},
        "volumes": base["volumes"] | more["volumes"],
        "secrets": base["secrets"],
    }


def _read(name: str, secrets: Path) -> dict[str, Any]:
    text = (PROJECT_ROOT / name).read_text().replace("${SECRETS_DIR:-./var/secrets}", str(secrets))
    found: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))
    return found


def _merged(service: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    added = {key: [*service.get(key, []), *value] for key, value in more.items() if key in LISTS}
    return service | more | added


def _long(service: dict[str, Any]) -> dict[str, Any]:
    shared = {"shm_size": SHARED[service["shm_size"]]} if "shm_size" in service else {}
    return (
        service
        | shared
        | {
            "networks": dict.fromkeys(service["networks"]),
            "volumes": [_volume(volume) for volume in service.get("volumes", [])],
            "secrets": [{"source": s, "target": f"/run/secrets/{s}"} for s in service.get("secrets", [])],
            "ports": [_port(port) for port in service.get("ports", [])],
        }
    )


def _volume(words: str) -> dict[str, Any]:
    source, target, *mode = words.split(":")
    kind = "bind" if source.startswith(".") else "volume"
    where = str(PROJECT_ROOT / source) if kind == "bind" else source
    return {"type": kind, "source": where, "target": target, "read_only": mode == ["ro"]}


def _port(words: str) -> dict[str, Any]:
    address, published, target = words.split(":")
    return {
        "host_ip": address,
        "published": published,
        "target": int(target),
        "protocol": "tcp",
        "mode": "ingress",
    }
