"""A module's options, checked as AnsibleModule checks them, without a module."""

from __future__ import annotations

from typing import Any, TypeVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.login import LOGIN_OPTIONS
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Operation

Desired = TypeVar("Desired")


def refusals(operation: Operation[Any, Any], **given: Any) -> list[str]:
    """Return what Ansible itself says against the options."""
    return list(_checked(operation, given).error_messages)


def completed(operation: Operation[Any, Any], **given: Any) -> dict[str, Any]:
    """Return the options with their defaults, as an operation gets them."""
    checked = _checked(operation, given)
    assert not checked.error_messages, checked.error_messages
    return dict(checked.validated_parameters)


def desired(operation: Operation[Desired, Any], **given: Any) -> Desired:
    """Return what an operation makes of its options; raises what it refuses them with."""
    return operation.desired(completed(operation, **given))


def _checked(operation: Operation[Any, Any], given: dict[str, Any]) -> Any:
    options = {**LOGIN_OPTIONS, **operation.options}
    return ArgumentSpecValidator(options, **operation.constraints).validate(given)
