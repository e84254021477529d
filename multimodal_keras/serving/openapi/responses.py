"""What every operation may answer beside what it is asked for: refusals."""

from __future__ import annotations

from typing import Any

ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string", "minLength": 1, "description": "What is wrong, and the way out."}},
    "required": ["error"],
    "additionalProperties": False,
}

_TEXTS = {
    400: "The request is not what the model takes: JSON, a name, a type, a shape, or a file that cannot be decoded.",
    401: "The request has no key that the server knows.",
    404: "There is nothing of this name.",
    405: "The path has another method.",
    413: "The request is larger than the server takes.",
    500: "The model failed. The server's log says why.",
    503: "The server is busy or stopping. Send the request again later.",
    504: "The answer took too long.",
}
_HEADERS = {
    401: ("WWW-Authenticate", {"type": "string"}, "How to send a key."),
    405: ("Allow", {"type": "string"}, "The methods of the path."),
    503: ("Retry-After", {"type": "integer", "minimum": 0}, "Seconds to wait."),
}


def refusals() -> dict[str, Any]:
    """The component of each status."""
    return {f"Refusal{status}": _refusal(status) for status in _TEXTS}


def refused(*statuses: int) -> dict[str, Any]:
    """References to the components of some statuses, as `responses` of an operation has them."""
    return {str(status): {"$ref": f"#/components/responses/Refusal{status}"} for status in sorted(statuses)}


def told(description: str, schema: Any, media_type: str = "application/json") -> dict[str, Any]:
    """The answer to a request that is right."""
    return {"200": {"description": description, "content": {media_type: {"schema": schema}}}}


def _refusal(status: int) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    response: dict[str, Any] = {"description": _TEXTS[status], "content": content}
    if status == 413:
        # Beyond the application's own limit, the web server does not read on.
        content["text/plain"] = {"schema": {"type": "string"}}
    if status in _HEADERS:
        name, schema, description = _HEADERS[status]
        response["headers"] = {name: {"schema": schema, "required": True, "description": description}}
    return response
