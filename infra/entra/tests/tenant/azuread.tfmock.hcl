# A tenant that does not exist. Application permissions have the ids that they have everywhere.

mock_data "azuread_client_config" {
  defaults = { tenant_id = "11111111-2222-3333-4444-555555555555" }
}

mock_data "azuread_service_principal" {
  defaults = {
    object_id = "60000000-0000-0000-0000-000000000003"
    app_role_ids = {
      "User.Read.All"                 = "df021288-bdef-4463-88db-98f22de89214"
      "AuditLog.Read.All"             = "b0afded3-3588-46d8-8b3d-9842eff778da"
      "Application.ReadWrite.OwnedBy" = "18a4783c-866b-4cc7-a460-3d5e5662c884"
    }
  }
}

mock_resource "azuread_application_registration" {
  defaults = {
    id        = "/applications/77777777-0000-0000-0000-000000000001"
    object_id = "77777777-0000-0000-0000-000000000001"
    client_id = "66666666-7777-8888-9999-000000000000"
  }
}

mock_resource "azuread_service_principal" {
  defaults = { object_id = "88888888-0000-0000-0000-000000000001" }
}

mock_resource "azuread_application_password" {
  defaults = { value = "made-by-entra", key_id = "99999999-7777-8888-9999-000000000000" }
}
