"""Reads every user with Microsoft's own client and its PageIterator, and prints what it
found as JSON. Nothing is changed but, where they are given, the base URL and who vouches
for the caller."""
import asyncio
import json
import os

from azure.identity.aio import ClientSecretCredential
from kiota_abstractions.authentication import (
    AccessTokenProvider, AllowedHostsValidator, AnonymousAuthenticationProvider, BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.user import User
from msgraph.generated.users.count.count_request_builder import CountRequestBuilder
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.tasks.page_iterator import PageIterator

BASE_URL = os.environ.get("BASE_URL")


class Caller(AccessTokenProvider):
    """Vouches for the caller with a fixed token."""

    async def get_authorization_token(self, uri, additional_authentication_context={}):
        return os.environ["CALLER_TOKEN"]

    def get_allowed_hosts_validator(self):
        return AllowedHostsValidator([])


def client_of(provider):
    adapter = GraphRequestAdapter(provider)
    if BASE_URL:
        adapter.base_url = BASE_URL
    return GraphServiceClient(request_adapter=adapter)


async def refusal(request):
    try:
        await request
    except ODataError as error:
        return f"{error.response_status_code} {error.error.code}"
    return "none"


def selecting(*names, **more):
    return RequestConfiguration(query_parameters=UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(select=list(names), **more))


def expanding(*names):
    return RequestConfiguration(query_parameters=UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(expand=list(names)))


async def read(client):
    ids, names = [], 0

    def take(user):
        nonlocal names
        ids.append(user.id)
        names += bool(user.user_principal_name)
        return True

    first = await client.users.get(selecting("id", "userPrincipalName", "displayName", top=500))
    await PageIterator(first, client.request_adapter).iterate(take)

    one = await client.users.by_user_id(ids[0]).get()
    eventual = RequestConfiguration()
    eventual.headers.add("ConsistencyLevel", "eventual")
    count = await client.users.count.get(eventual)
    managers = None
    if os.environ.get("MANAGERS"):
        second = client.users.by_user_id(ids[1])
        alone = await second.manager.get()
        expanded = (await second.get(expanding("manager"))).manager
        assert isinstance(alone, User) and isinstance(expanded, User), "a manager is no user"
        assert alone.display_name == expanded.display_name, "the manager is somebody else when expanded"
        managers = [alone.id, expanded.id]
    anonymous = client_of(AnonymousAuthenticationProvider())
    print(json.dumps({
        "ids": ids, "names": names, "one": one.id, "count": count, "managers": managers,
        "refusals": [
            await refusal(client.users.by_user_id(os.environ["NOBODY"]).get()),
            await refusal(client.users.get(selecting("shoeSize"))),
            await refusal(anonymous.users.get()),
        ],
    }))


async def main():
    if os.environ.get("CALLER_TOKEN"):
        await read(client_of(BaseBearerTokenAuthenticationProvider(Caller())))
        return
    async with ClientSecretCredential(os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]) as credential:
        await read(GraphServiceClient(credential))


asyncio.run(main())
