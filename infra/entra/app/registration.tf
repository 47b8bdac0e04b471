# An app registration of this tenant alone, with its service principal and the
# application permissions of Microsoft Graph, consented to.

resource "azuread_application_registration" "app" {
  display_name     = var.name
  description      = var.description
  sign_in_audience = "AzureADMyOrg"
}

resource "azuread_service_principal" "app" {
  client_id = azuread_application_registration.app.client_id
}

# What the app asks for, which the portal shows; consent alone would do for tokens.
resource "azuread_application_api_access" "graph" {
  application_id = azuread_application_registration.app.id
  api_client_id  = var.graph.client_id
  role_ids       = [for p in var.permissions : var.graph.app_role_ids[p]]
}

# Admin consent.
resource "azuread_app_role_assignment" "graph" {
  for_each = toset(var.permissions)

  app_role_id         = var.graph.app_role_ids[each.value]
  principal_object_id = azuread_service_principal.app.object_id
  resource_object_id  = var.graph.object_id
}
