"""Request validators that a template declares take effect.

Gap: the emulator has a validation engine, but its CloudFormation handlers neither create the validator nor
put it on the method, so every body is accepted.
Fix: create, update and delete the validator through the emulator's API, and set its id on the method.
"""

from __future__ import annotations

import json
from typing import Any

from local.emulator import seams

SUMMARY = "request validators declared in CloudFormation are created and put on their methods"


def install() -> None:
    """Replace the CloudFormation handlers of RequestValidator and extend those of Method."""
    gateway = seams.module("services.apigateway_v1")
    handlers = seams.module("services.cloudformation.provisioners")._RESOURCE_HANDLERS

    def create(logical_id: str, props: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        status, _headers, body = gateway._create_request_validator(
            props["RestApiId"],
            {
                "name": props.get("Name", logical_id),
                "validateRequestBody": _boolean(props.get("ValidateRequestBody")),
                "validateRequestParameters": _boolean(props.get("ValidateRequestParameters")),
            },
        )
        if status >= 400:
            raise ValueError(f"AWS::ApiGateway::RequestValidator create failed: {body!r}")
        validator_id = json.loads(body)["id"]
        return validator_id, {"RequestValidatorId": validator_id}

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str
    ) -> tuple[str, dict[str, str]]:
        if any(new.get(key) != old.get(key) for key in ("RestApiId", "Name")):
            return create(physical_id, new, stack)
        validator = gateway._request_validators.get(new["RestApiId"], {}).get(physical_id)
        if validator is None:
            return create(physical_id, new, stack)
        validator["validateRequestBody"] = _boolean(new.get("ValidateRequestBody"))
        validator["validateRequestParameters"] = _boolean(new.get("ValidateRequestParameters"))
        return physical_id, {"RequestValidatorId": physical_id}

    def delete(physical_id: str, props: dict[str, Any]) -> None:
        gateway._request_validators.get(props.get("RestApiId"), {}).pop(physical_id, None)

    handlers["AWS::ApiGateway::RequestValidator"].update(create=create, update=update, delete=delete)

    method = handlers["AWS::ApiGateway::Method"]
    create_method, update_method = method["create"], method["update"]

    def set_validator(props: dict[str, Any]) -> None:
        methods = gateway._resources[props["RestApiId"]][props["ResourceId"]]["resourceMethods"]
        methods[props.get("HttpMethod", "ANY")]["requestValidatorId"] = props.get("RequestValidatorId")

    def create_with_validator(logical_id: str, props: dict[str, Any], stack: str) -> Any:
        result = create_method(logical_id, props, stack)
        set_validator(props)
        return result

    def update_with_validator(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Any:
        result = update_method(physical_id, old, new, stack)
        set_validator(new)
        return result

    method.update(create=create_with_validator, update=update_with_validator)


def _boolean(value: Any) -> bool:
    return str(value).lower() == "true"
