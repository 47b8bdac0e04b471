package bicep

import "strings"

// Where everything is deployed to.
const (
	// Tenant is the deployer's.
	Tenant       = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
	subscription = "/subscriptions/5b5cd5a1-0000-4000-8000-000000000001"
	group        = subscription + "/resourceGroups/rollcall"
)

// clouds are what environment() says of Azure's clouds.
func clouds() map[string]map[string]any {
	of := func(name, login, storage, vault string) map[string]any {
		return map[string]any{
			"name": name, "authentication": map[string]any{"loginEndpoint": login},
			"suffixes": map[string]any{"storage": storage, "keyvaultDns": vault},
		}
	}
	return map[string]map[string]any{
		"AzureCloud":        of("AzureCloud", "https://login.microsoftonline.com/", "core.windows.net", ".vault.azure.net"),
		"AzureUSGovernment": of("AzureUSGovernment", "https://login.microsoftonline.us/", "core.usgovcloudapi.net", ".vault.usgovcloudapi.net"),
		"AzureChinaCloud":   of("AzureChinaCloud", "https://login.chinacloudapi.cn/", "core.chinacloudapi.cn", ".vault.azure.cn"),
	}
}

// answer is what Azure says of a resource besides what is declared of it, as far as the
// files ask.
func (s *scope) answer(r *Resource) map[string]any {
	suffixes := clouds()[s.cloud]["suffixes"].(map[string]any)
	properties := map[string]any{}
	switch r.Type {
	case "Microsoft.ManagedIdentity/userAssignedIdentities":
		properties["clientId"], properties["principalId"] = guid("client", r.Name()), guid("principal", r.Name())
	case "Microsoft.Storage/storageAccounts":
		endpoints := map[string]any{}
		for _, service := range []string{"blob", "queue", "table"} {
			endpoints[service] = "https://" + r.Name() + "." + service + "." + suffixes["storage"].(string) + "/"
		}
		properties["primaryEndpoints"] = endpoints
	case "Microsoft.KeyVault/vaults":
		properties["vaultUri"] = "https://" + r.Name() + suffixes["keyvaultDns"].(string) + "/"
	case "Microsoft.Insights/components":
		properties["ConnectionString"] = "InstrumentationKey=" + guid("key") + ";IngestionEndpoint=https://westeurope-1.in.applicationinsights.azure.com/"
	case "Microsoft.Web/sites":
		properties["defaultHostName"] = strings.ToLower(r.Name()) + ".azurewebsites.net"
	case "Microsoft.Graph/servicePrincipals":
		roles := []any{}
		for name, id := range map[string]string{"User.Read.All": "df021288-bdef-4463-88db-98f22de89214", "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da"} {
			roles = append(roles, map[string]any{"value": name, "id": id})
		}
		return map[string]any{"id": guid("graph"), "appRoles": roles}
	}
	if len(properties) == 0 {
		return nil
	}
	return map[string]any{"properties": properties}
}
