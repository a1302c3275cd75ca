"""A module's options, checked as AnsibleModule checks them, without a module."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Operation


def refusals(operation: Operation[Any, Any], **given: Any) -> list[str]:
    """Return what Ansible itself says against the options."""
    return list(_checked(operation, given).error_messages)


def completed(operation: Operation[Any, Any], **given: Any) -> dict[str, Any]:
    """Return the options with their defaults, as an operation gets them."""
    checked = _checked(operation, given)
    assert not checked.error_messages, checked.error_messages
    return dict(checked.validated_parameters)


def _checked(operation: Operation[Any, Any], given: dict[str, Any]) -> Any:
    return ArgumentSpecValidator(operation.options, **operation.constraints).validate(given)
