"""The OpenAPI document is complete, and the service keeps to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from serving.api.app import create_app
from serving.settings import Settings
from serving.versions.model_store import ModelStore
from testing.service import Service

SPEC: dict[str, Any] = create_app(Settings(events=True), ModelStore(Path("nowhere"))).api.openapi()
OPERATIONS = [(path, method) for path, methods in SPEC["paths"].items() for method in methods]


def has_example(schema: dict[str, Any]) -> bool:
    inner = [schema, *schema.get("anyOf", []), *schema.get("allOf", []), schema.get("items", {})]
    return any(key in one for one in inner for key in ("examples", "enum", "const", "$ref"))


def test_every_field_and_parameter_has_an_example() -> None:
    fields = {
        f"{name}.{field}": schema
        for name, whole in SPEC["components"]["schemas"].items()
        for field, schema in whole.get("properties", {}).items()
    }
    assert [name for name, schema in fields.items() if not has_example(schema)] == []
    parameters = [
        f"{method} {path} {parameter['name']}"
        for path, method in OPERATIONS
        for parameter in SPEC["paths"][path][method].get("parameters", [])
        if not has_example(parameter) and not has_example(parameter["schema"])
    ]
    assert parameters == []


def test_every_start_lists_the_answers_in_the_same_order() -> None:
    answers = [list(SPEC["paths"][path][method]["responses"]) for path, method in OPERATIONS]
    assert answers == [sorted(statuses) for statuses in answers]


def test_every_error_is_a_problem_with_examples() -> None:
    for path, method in OPERATIONS:
        operation = SPEC["paths"][path][method]
        assert operation["summary"]
        assert operation["description"]
        for status, response in operation["responses"].items():
            if status >= "400":
                (media_type,) = response["content"]
                assert media_type == "application/problem+json"
                assert response["content"][media_type]["examples"], f"{method} {path} {status}"


SCHEMA = schemathesis.openapi.from_dict(SPEC)


def takes_input(path: str, method: str) -> bool:
    return bool(SPEC["paths"][path][method].keys() & {"parameters", "requestBody"})


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [(*one, mode) for one in OPERATIONS for mode in GenerationMode if mode.is_positive or takes_input(*one)],
)
def test_generated_calls_are_answered_as_documented(
    live_service: Service, path: str, method: str, mode: GenerationMode
) -> None:
    address = f"http://127.0.0.1:{live_service.port}"

    # That exactly one of several parameters must be given cannot be said of parameters.
    @given(case=SCHEMA[path][method.upper()].as_strategy(generation_mode=mode))
    @settings(max_examples=6, suppress_health_check=list(HealthCheck))
    def call(case):
        try:
            case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance])
        except FailureGroup as failures:
            raise AssertionError("\n".join(str(failure) for failure in failures.exceptions)) from failures

    call()
