"""How tests talk to the doors."""

import json
from typing import Any

from django.test import Client


class Storefront:
    """The storefront GraphQL with a bearer token, or without."""

    def __init__(self, client: Client, token: str | None) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def post(self, query: str, variables: dict | None = None, **more: Any):
        """The raw answer."""
        body = {"query": query, **({"variables": variables} if variables is not None else {}), **more}
        return self.client.post(
            "/api/graphql", json.dumps(body), content_type="application/json", headers=self.headers
        )

    def __call__(self, query: str, **variables: Any) -> Any:
        """The data; fails the test when there are errors."""
        answer = self.post(query, variables).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def error(self, query: str, **variables: Any) -> tuple[str, str]:
        """Text and code of the only error."""
        (error,) = self.post(query, variables).json()["errors"]
        return error["message"], error["extensions"]["code"]
