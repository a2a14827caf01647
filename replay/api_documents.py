"""Documents that are written from the API's description: error catalogue, Postman collection and environment."""

import json
from pathlib import Path

from adapters.settings import PROJECT_ROOT
from adapters.terminal import Say
from app.error_catalogue import error_catalogue
from app.postman import collection, environment

FOLDER = PROJECT_ROOT / "docs" / "api"
COLLECTION = FOLDER / "ontime.postman_collection.json"
ENVIRONMENT = FOLDER / "ontime.postman_environment.json"


def documents() -> dict[Path, str]:
    """Return what each file holds."""
    return {
        FOLDER / "errors.md": error_catalogue(),
        COLLECTION: json.dumps(collection(), indent=1) + "\n",
        ENVIRONMENT: json.dumps(environment(), indent=1) + "\n",
    }


def write_documents(say: Say) -> None:
    """Write the files."""
    for path, text in documents().items():
        path.write_text(text)
        say(f"written: {path.relative_to(PROJECT_ROOT)}")
