output "tenant_id" {
  description = "GUID of the tenant."
  value       = data.azuread_client_config.current.tenant_id
}

output "client_id" {
  description = "Client ID of the reader."
  value       = module.reader.client_id
}

output "object_id" {
  description = "Object ID of the reader's app registration, which the rotator changes."
  value       = module.reader.object_id
}

output "rotator_client_id" {
  description = "Client ID of the rotator, null if there is none."
  value       = one(module.rotator[*].client_id)
}

output "secret" {
  description = "What the secret of the functions has to contain, for the stack's FillSecretCommand. With a certificate whose private key is not in KMS, Certificate is still to be added. Null once the rotator has taken over."
  value       = module.reader.secret
  sensitive   = true
}

output "rotator_secret" {
  description = "The same for the rotator, null if there is none."
  value       = one(module.rotator[*].secret)
  sensitive   = true
}

output "federation" {
  description = "What the reader's federated credentials expect of a token: iss, sub and aud."
  value = length(var.role_arns) == 0 ? null : {
    issuer   = var.aws_issuer
    subjects = var.role_arns
    audience = local.audiences[var.cloud]
  }
}

output "parameters" {
  description = "Parameters of template.yaml that follow from the tenant and the credential, for make deploy PARAMETERS=."
  value       = join(" ", [for name, value in local.parameters : "${name}=${value}"])
}

locals {
  parameters = merge(
    {
      Cloud        = var.cloud
      FederatedApp = var.credential == "federation" ? "${data.azuread_client_config.current.tenant_id}/${module.reader.client_id}" : "secret"
    },
    var.credential == "certificate" && var.kms_key_id != null ? { SigningKeyArn = var.kms_key_id } : {},
  )
}
