"""Evidence of decisions, alerts and changes of champion as PostgreSQL's jsonb takes it."""

from collections.abc import Mapping
from typing import Any

import orjson


def as_json(evidence: Mapping[str, Any]) -> str:
    """Return evidence as JSON; what is not a number, such as an AUC without a late flight, is null.

    Examples
    --------
    >>> as_json({"auc": float("nan"), "rows": 900})
    '{"auc":null,"rows":900}'
    """
    # PostgreSQL refuses the NaN that `json` writes, and with it the whole decision.
    return orjson.dumps(evidence, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
