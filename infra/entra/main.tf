# The app registrations of Rollcall in a tenant: the reader, which lists the users and
# can do nothing else, and, if asked for, the rotator, which renews the reader's secret.

locals {
  # The provider's names of the clouds; it has none for the others.
  environments = {
    public    = "global"
    usgov     = "usgovernmentl4"
    usgov-dod = "usgovernmentl5"
    china     = "china"
  }

  # What tokens of other issuers are made out to, in each cloud: what the functions ask AWS for.
  audiences = {
    public    = "api://AzureADTokenExchange"
    usgov     = "api://AzureADTokenExchangeUSGov"
    usgov-dod = "api://AzureADTokenExchangeUSGov"
    china     = "api://AzureADTokenExchangeChina"
    bleu      = "api://AzureADTokenExchangeFrance"
    delos     = "api://AzureADTokenExchangeGermany"
    govsg     = "api://AzureADTokenExchangeGovSG"
  }
}

provider "azuread" {
  tenant_id     = var.tenant_id
  environment   = var.metadata_host == null ? local.environments[var.cloud] : null
  metadata_host = var.metadata_host
}

data "azuread_client_config" "current" {}

# Microsoft Graph, as it is installed in the tenant. Its app roles are the application
# permissions, and assigning one to an app is what the portal calls admin consent.
data "azuread_service_principal" "graph" {
  client_id = "00000003-0000-0000-c000-000000000000"
}

module "reader" {
  source = "./app"

  name        = var.name
  description = "Rollcall: lists the users of the tenant. Only reads."
  permissions = concat(["User.Read.All"], var.permissions)
  graph       = data.azuread_service_principal.graph
  tenant_id   = data.azuread_client_config.current.tenant_id

  credential        = var.credential
  aws_issuer        = var.aws_issuer
  audience          = local.audiences[var.cloud]
  role_arns         = var.role_arns
  certificate_files = var.certificate_files
  kms_key_id        = var.kms_key_id
  secret_end_dates  = var.secret_end_dates
}

module "rotator" {
  source = "./app"
  count  = var.rotator == null ? 0 : 1

  name        = "${var.name}-rotator"
  description = "Rollcall: renews the client secret of ${var.name}. Cannot read users."
  permissions = ["Application.ReadWrite.OwnedBy"]
  graph       = data.azuread_service_principal.graph
  tenant_id   = data.azuread_client_config.current.tenant_id

  credential        = var.rotator.credential
  aws_issuer        = var.aws_issuer
  audience          = local.audiences[var.cloud]
  role_arns         = var.rotator.role_arns
  certificate_files = var.rotator.certificate_files
  kms_key_id        = var.rotator.kms_key_id
  secret_end_dates  = var.rotator.secret_end_dates
}

# OwnedBy lets an app change what it owns: the reader's registration, and nothing else here.
resource "azuread_application_owner" "rotator" {
  count = var.rotator == null ? 0 : 1

  application_id  = module.reader.application_id
  owner_object_id = module.rotator[0].principal_id
}
