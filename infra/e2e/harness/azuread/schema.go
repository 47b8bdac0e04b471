package main

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The attributes of version 3.9.0, of those resources that infra/entra has: all that are
// required, and those others that it uses. A name is followed by what it is: ! required,
// ? optional, = the provider's to say, ?= either; then its type if it is not a text; then
// - if it is sensitive.

// configuration is the provider block.
func configuration() string { return "tenant_id? environment? metadata_host?" }

func resources() map[string]string {
	return map[string]string{
		"azuread_application_registration":                  "id?= display_name! description? sign_in_audience? client_id= object_id=",
		"azuread_service_principal":                         "id?= client_id! object_id=",
		"azuread_application_api_access":                    "id?= application_id! api_client_id! role_ids?set",
		"azuread_application_owner":                         "id?= application_id! owner_object_id!",
		"azuread_app_role_assignment":                       "id?= app_role_id! principal_object_id! resource_object_id!",
		"azuread_application_federated_identity_credential": "id?= application_id! display_name! description? issuer! subject! audiences!list",
		"azuread_application_certificate":                   "id?= application_id! type? value!- end_date?=",
		"azuread_application_password":                      "id?= application_id! display_name?= end_date?= key_id= value=-",
	}
}

func dataSources() map[string]string {
	return map[string]string{
		"azuread_client_config":     "id?= tenant_id= client_id= object_id=",
		"azuread_service_principal": "id?= client_id?= object_id?= app_role_ids=map",
	}
}

func schemas(texts map[string]string) map[string]*tfprotov5.Schema {
	all := map[string]*tfprotov5.Schema{}
	for name, text := range texts {
		all[name] = schema(text)
	}
	return all
}

func schema(text string) *tfprotov5.Schema {
	block := &tfprotov5.SchemaBlock{}
	for attribute := range strings.FieldsSeq(text) {
		end := strings.IndexAny(attribute, "!?=")
		kind := attribute[end:]
		block.Attributes = append(block.Attributes, &tfprotov5.SchemaAttribute{
			Name: attribute[:end], Type: typeOf(strings.Trim(kind, "!?=-")),
			Required: strings.Contains(kind, "!"), Optional: strings.Contains(kind, "?"), Computed: strings.Contains(kind, "="),
			Sensitive: strings.HasSuffix(kind, "-"),
		})
	}
	return &tfprotov5.Schema{Block: block}
}

func typeOf(name string) tftypes.Type {
	return map[string]tftypes.Type{
		"":     tftypes.String,
		"list": tftypes.List{ElementType: tftypes.String},
		"set":  tftypes.Set{ElementType: tftypes.String},
		"map":  tftypes.Map{ElementType: tftypes.String},
	}[name]
}
