# How the app signs in. Several credentials of a kind, and several kinds, may be
# registered at a time, so that one takes over from another without a gap.

# One for each role: Entra ID compares issuer, subject and audience, knows no wildcards,
# and keeps the name for good. Names of roles are unique in an account, whatever their path.
resource "azuread_application_federated_identity_credential" "aws" {
  for_each = toset(var.role_arns)

  application_id = azuread_application_registration.app.id
  display_name   = join("-", [split(":", each.value)[4], replace(basename(each.value), "/[^A-Za-z0-9_-]/", "-")])
  description    = "Rollcall on AWS"
  issuer         = var.aws_issuer
  subject        = each.value
  audiences      = [var.audience]
}

# Its own end date holds.
resource "azuread_application_certificate" "app" {
  for_each = { for f in var.certificate_files : sha256(file(f)) => file(f) }

  application_id = azuread_application_registration.app.id
  type           = "AsymmetricX509Cert"
  value          = each.value
}

# Entra ID makes the value, shows it once, and Terraform keeps it in the state.
resource "azuread_application_password" "app" {
  for_each = toset(var.secret_end_dates)

  application_id = azuread_application_registration.app.id
  display_name   = "terraform"
  end_date       = each.value
}
