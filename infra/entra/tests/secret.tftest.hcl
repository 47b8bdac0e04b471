# What the outputs say for each kind of credential. Nothing is registered anywhere:
# the provider is mocked, and only its schema is used.

mock_provider "azuread" {
  source = "./tests/tenant"
}

variables {
  aws_issuer = "https://0a1b.tokens.sts.global.api.aws"
  role_arns  = ["arn:aws:iam::123456789012:role/rollcall-UsersRole-1"]
}

run "federation" {
  assert {
    condition = jsondecode(output.secret) == {
      TenantID = "11111111-2222-3333-4444-555555555555", ClientID = "66666666-7777-8888-9999-000000000000", Federation = "aws"
    }
    error_message = "The secret names the tenant, the reader and AWS."
  }

  assert {
    condition     = output.federation.audience == "api://AzureADTokenExchange" && output.rotator_secret == null
    error_message = "The audience is the public cloud's, and there is no rotator unless asked for."
  }
}

run "parameters" {
  variables {
    cloud = "usgov"
  }

  assert {
    condition     = output.federation.audience == "api://AzureADTokenExchangeUSGov"
    error_message = "The audience follows the cloud."
  }

  assert {
    condition     = output.parameters == "Cloud=usgov FederatedApp=11111111-2222-3333-4444-555555555555/66666666-7777-8888-9999-000000000000"
    error_message = "The cloud is a parameter of the stack, and so is the app that it signs in as without a secret."
  }

  assert {
    condition     = alltrue([for p in split(" ", output.parameters) : can(regex("(?m)^  ${split("=", p)[0]}:\\n    Type: ", file("../../template.yaml")))])
    error_message = "template.yaml has each parameter."
  }

  assert {
    condition     = can(regex("(?m)^  Cloud:\\n(    .*\\n)*    AllowedValues: \\[[^\\]]*\\b${var.cloud}\\b", file("../../template.yaml")))
    error_message = "template.yaml has clouds of the same names."
  }
}

run "certificate" {
  variables {
    credential        = "certificate"
    certificate_files = ["tests/certificate.pem"]
  }

  assert {
    condition     = keys(jsondecode(output.secret)) == ["ClientID", "TenantID"]
    error_message = "The private key is not Terraform's, so Certificate is for somebody else to add."
  }
}

run "certificate_of_a_kms_key" {
  variables {
    credential        = "certificate"
    certificate_files = ["tests/certificate.pem"]
    kms_key_id        = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = jsondecode(output.secret).KMSKeyID == var.kms_key_id && jsondecode(output.secret).Certificate == file("tests/certificate.pem")
    error_message = "The secret names the key, and has the certificate."
  }

  assert {
    condition     = output.parameters == "Cloud=public FederatedApp=secret SigningKeyArn=${var.kms_key_id}"
    error_message = "The functions may sign with the key."
  }
}

run "secret" {
  variables {
    credential       = "secret"
    secret_end_dates = ["2027-09-30T00:00:00Z", "2027-06-30T00:00:00Z"]
  }

  assert {
    condition = jsondecode(output.secret) == {
      TenantID  = "11111111-2222-3333-4444-555555555555", ClientID = "66666666-7777-8888-9999-000000000000", ClientSecret = "made-by-entra",
      ExpiresAt = "2027-09-30T00:00:00Z", KeyID = "99999999-7777-8888-9999-000000000000"
    }
    error_message = "The secret is the one that expires last."
  }

  assert {
    condition     = issensitive(output.secret)
    error_message = "The client secret is not shown."
  }
}

run "rotator" {
  variables {
    credential = "secret"
    rotator    = { role_arns = ["arn:aws:iam::123456789012:role/rollcall-RotateRole-1"] }
  }

  override_resource {
    target = module.rotator[0].azuread_application_registration.app
    values = { id = "/applications/77777777-0000-0000-0000-000000000002" }
  }

  override_resource {
    target = module.rotator[0].azuread_service_principal.app
    values = { object_id = "88888888-0000-0000-0000-000000000002" }
  }

  assert {
    condition     = azuread_application_owner.rotator[0].application_id == "/applications/77777777-0000-0000-0000-000000000001" && azuread_application_owner.rotator[0].owner_object_id == "88888888-0000-0000-0000-000000000002"
    error_message = "The rotator owns the reader."
  }

  assert {
    condition     = jsondecode(output.rotator_secret).Federation == "aws" && output.secret == null
    error_message = "The rotator signs in by federation, and nothing is to be written over the secret that it has made."
  }
}
