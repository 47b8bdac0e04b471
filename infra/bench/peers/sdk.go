package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	kiotaauth "github.com/microsoft/kiota-abstractions-go/authentication"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoft/kiota-abstractions-go/store"
	serializer "github.com/microsoft/kiota-serialization-json-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
)

// sdk reads the tenant as the SDK's documentation shows it: the first page from
// the users request builder, the rest by a PageIterator.
func sdk(ctx context.Context, from tenant.Access, out io.Writer) (int, error) {
	w := bufio.NewWriterSize(out, 64<<10)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	n := 0
	var broken error
	err := each(ctx, from, func(user models.Userable) bool {
		n++
		broken = encoder.Encode(row(user))
		return broken == nil
	})
	if err != nil {
		return n, err
	}
	if broken != nil {
		return n, broken
	}
	return n, w.Flush()
}

// each calls do for every user until it returns false.
func each(ctx context.Context, from tenant.Access, do func(models.Userable) bool) error {
	adapter, err := connect(from)
	if err != nil {
		return err
	}
	return iterate(ctx, adapter, do)
}

// iterate is each with a given connection.
func iterate(ctx context.Context, adapter *core.GraphRequestAdapterBase, do func(models.Userable) bool) error {
	top := int32(client.PageSize)
	builder := users.NewUsersRequestBuilderInternal(map[string]string{"baseurl": adapter.GetBaseUrl()}, adapter)
	first, err := builder.Get(ctx, &users.UsersRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.UsersRequestBuilderGetQueryParameters{Select: client.Columns(), Top: &top},
	})
	if err != nil {
		return fmt.Errorf("the first page: %w", err)
	}
	pages, err := core.NewPageIterator[models.Userable](first, adapter, models.CreateUserCollectionResponseFromDiscriminatorValue)
	if err != nil {
		return fmt.Errorf("the page iterator: %w", err)
	}
	return pages.Iterate(ctx, do)
}

// connect does what NewGraphServiceClientWithCredentials does. That function is
// in the package with all of Graph's request builders, which would more than
// double the compilation.
func connect(from tenant.Access) (*core.GraphRequestAdapterBase, error) {
	credential, err := azidentity.NewClientSecretCredential(from.TenantID, from.ClientID, from.ClientSecret,
		&azidentity.ClientSecretCredentialOptions{
			ClientOptions:            policy.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: from.URL}},
			DisableInstanceDiscovery: true,
		})
	if err != nil {
		return nil, fmt.Errorf("the credential: %w", err)
	}
	base, err := url.Parse(from.URL)
	if err != nil {
		return nil, err
	}
	provider, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(
		credential, []string{"https://graph.microsoft.com/.default"}, []string{base.Hostname()})
	if err != nil {
		return nil, fmt.Errorf("the authentication provider: %w", err)
	}
	return adapt(provider, from.URL)
}

// adapt makes the SDK's connection to the Graph at an address.
func adapt(provider kiotaauth.AuthenticationProvider, address string) (*core.GraphRequestAdapterBase, error) {
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory {
		return serializer.NewJsonSerializationWriterFactory()
	})
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory {
		return serializer.NewJsonParseNodeFactory()
	})
	adapter, err := core.NewGraphRequestAdapterBase(provider, core.GraphClientOptions{GraphServiceLibraryVersion: "1.89.0"})
	if err != nil {
		return nil, fmt.Errorf("the request adapter: %w", err)
	}
	adapter.SetBaseUrl(address + "/v1.0")
	adapter.EnableBackingStore(store.BackingStoreFactoryInstance)
	return adapter, nil
}

// row takes from the SDK's model what was asked for.
func row(u models.Userable) client.Row {
	return client.Row{
		ID: u.GetId(), UserPrincipalName: u.GetUserPrincipalName(), DisplayName: u.GetDisplayName(),
		GivenName: u.GetGivenName(), Surname: u.GetSurname(), Mail: u.GetMail(), JobTitle: u.GetJobTitle(),
		Department: u.GetDepartment(), CompanyName: u.GetCompanyName(), EmployeeID: u.GetEmployeeId(),
		EmployeeType: u.GetEmployeeType(), AccountEnabled: u.GetAccountEnabled(), UserType: u.GetUserType(),
		CreatedDateTime: u.GetCreatedDateTime(), OnPremisesSyncEnabled: u.GetOnPremisesSyncEnabled(),
	}
}
