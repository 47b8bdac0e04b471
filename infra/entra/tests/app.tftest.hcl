# What is registered, and what is refused before anything is.

mock_provider "azuread" {
  source = "./tests/tenant"
}

variables {
  name        = "rollcall"
  description = "Lists users."
  tenant_id   = "11111111-2222-3333-4444-555555555555"
  permissions = ["User.Read.All", "AuditLog.Read.All"]
  graph = {
    client_id = "00000003-0000-0000-c000-000000000000"
    object_id = "60000000-0000-0000-0000-000000000003"
    app_role_ids = {
      "User.Read.All"     = "df021288-bdef-4463-88db-98f22de89214"
      "AuditLog.Read.All" = "b0afded3-3588-46d8-8b3d-9842eff778da"
    }
  }
  credential        = "federation"
  aws_issuer        = "https://0a1b.tokens.sts.global.api.aws"
  audience          = "api://AzureADTokenExchange"
  role_arns         = ["arn:aws:iam::123456789012:role/rollcall-UsersRole-1", "arn:aws-us-gov:iam::123456789012:role/some/path/rollcall-Snapshot+Role"]
  certificate_files = []
  kms_key_id        = null
  secret_end_dates  = []
}

run "registers" {
  module {
    source = "./app"
  }

  assert {
    condition     = azuread_application_registration.app.sign_in_audience == "AzureADMyOrg"
    error_message = "The app is for this tenant alone."
  }

  assert {
    condition     = toset(azuread_application_api_access.graph.role_ids) == toset(["df021288-bdef-4463-88db-98f22de89214", "b0afded3-3588-46d8-8b3d-9842eff778da"])
    error_message = "It asks for its permissions."
  }

  assert {
    condition     = tomap({ for name, a in azuread_app_role_assignment.graph : name => a.app_role_id }) == var.graph.app_role_ids
    error_message = "Its permissions are consented to."
  }

  assert {
    condition = alltrue([
      for a in azuread_app_role_assignment.graph : a.resource_object_id == var.graph.object_id && a.principal_object_id == azuread_service_principal.app.object_id
    ])
    error_message = "The consent is Microsoft Graph's, to this app."
  }

  assert {
    condition = { for f in azuread_application_federated_identity_credential.aws : f.display_name => [f.issuer, f.subject, f.audiences[0]] } == {
      "123456789012-rollcall-UsersRole-1"   = [var.aws_issuer, var.role_arns[0], var.audience]
      "123456789012-rollcall-Snapshot-Role" = [var.aws_issuer, var.role_arns[1], var.audience]
    }
    error_message = "Each role has a federated credential."
  }

  assert {
    condition     = length(azuread_application_password.app) == 0 && length(azuread_application_certificate.app) == 0
    error_message = "There is no other credential."
  }
}

run "registers_several_credentials" {
  module {
    source = "./app"
  }

  variables {
    certificate_files = ["tests/certificate.pem"]
    secret_end_dates  = ["2027-06-30T00:00:00Z", "2027-09-30T00:00:00Z"]
  }

  assert {
    condition     = [for c in azuread_application_certificate.app : c.value] == [file("tests/certificate.pem")] && length(azuread_application_federated_identity_credential.aws) == 2
    error_message = "One kind may take over from another."
  }

  assert {
    condition     = { for d, s in azuread_application_password.app : d => s.end_date } == { for d in var.secret_end_dates : d => d }
    error_message = "One secret may take over from another."
  }
}

run "refuses_the_arn_of_a_session" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    role_arns = ["arn:aws:sts::123456789012:assumed-role/rollcall-UsersRole-1/rollcall"]
  }
  expect_failures = [var.role_arns]
}

run "refuses_the_arn_of_a_user" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    role_arns = ["arn:aws:iam::123456789012:user/somebody"]
  }
  expect_failures = [var.role_arns]
}

run "refuses_the_arn_of_a_function" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    role_arns = ["arn:aws:lambda:eu-west-1:123456789012:function:rollcall"]
  }
  expect_failures = [var.role_arns]
}

run "refuses_a_blank_after_an_arn" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    role_arns = ["arn:aws:iam::123456789012:role/rollcall-UsersRole-1 "]
  }
  expect_failures = [var.role_arns]
}

run "refuses_a_role_twice" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    role_arns = ["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/a"]
  }
  expect_failures = [var.role_arns]
}

run "refuses_more_roles_than_an_app_may_have" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    role_arns = [for n in range(21) : "arn:aws:iam::123456789012:role/r${n}"]
  }
  expect_failures = [var.role_arns]
}

run "refuses_roles_without_an_issuer" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    aws_issuer = null
  }
  expect_failures = [var.aws_issuer]
}

run "refuses_an_issuer_with_a_slash" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    aws_issuer = "https://0a1b.tokens.sts.global.api.aws/"
  }
  expect_failures = [var.aws_issuer]
}

run "refuses_an_issuer_without_tls" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    aws_issuer = "http://0a1b.tokens.sts.global.api.aws"
  }
  expect_failures = [var.aws_issuer]
}

run "refuses_federation_without_roles" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    role_arns = []
  }
  expect_failures = [var.credential]
}

run "refuses_certificates_that_are_not_there" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    certificate_files = ["tests/nothing.pem"]
  }
  expect_failures = [var.certificate_files]
}

run "refuses_a_private_key" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    certificate_files = ["tests/both.pem"]
  }
  expect_failures = [var.certificate_files]
}

run "refuses_what_is_not_a_certificate" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    certificate_files = ["versions.tf"]
  }
  expect_failures = [var.certificate_files]
}

run "refuses_a_kms_key_without_a_certificate" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    kms_key_id = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }
  expect_failures = [var.kms_key_id]
}

run "refuses_the_name_of_a_kms_key" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    certificate_files = ["tests/certificate.pem"]
    kms_key_id        = "alias/rollcall"
  }
  expect_failures = [var.kms_key_id]
}

run "refuses_end_dates_in_other_time_zones" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    secret_end_dates = ["2027-06-30T00:00:00+02:00"]
  }
  expect_failures = [var.secret_end_dates]
}

run "refuses_permissions_that_graph_does_not_have" {
  command = plan
  module {
    source = "./app"
  }
  variables {
    permissions = ["User.Read.Alle"]
  }
  expect_failures = [var.permissions]
}
