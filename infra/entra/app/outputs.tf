output "application_id" {
  description = "Terraform's ID of the app registration."
  value       = azuread_application_registration.app.id
}

output "object_id" {
  value = azuread_application_registration.app.object_id
}

output "client_id" {
  value = azuread_application_registration.app.client_id
}

output "principal_id" {
  description = "Object ID of the service principal."
  value       = azuread_service_principal.app.object_id
}

# In the words of the secret, see docs/entra.md. Without a client secret of Terraform's there is
# none that could be written over the rotator's.
output "secret" {
  value = var.credential == "secret" && length(var.secret_end_dates) == 0 ? null : jsonencode(merge(
    {
      TenantID = var.tenant_id
      ClientID = azuread_application_registration.app.client_id
    },
    var.credential == "federation" ? { Federation = "aws" } : {},
    var.credential == "certificate" && var.kms_key_id != null ? {
      KMSKeyID    = var.kms_key_id
      Certificate = file(var.certificate_files[length(var.certificate_files) - 1])
    } : {},
    var.credential == "secret" ? {
      ClientSecret = azuread_application_password.app[local.last].value
      KeyID        = azuread_application_password.app[local.last].key_id
      ExpiresAt    = local.last
    } : {},
  ))
  sensitive = true
}

locals {
  last = length(var.secret_end_dates) == 0 ? "" : sort(var.secret_end_dates)[length(var.secret_end_dates) - 1]
}
