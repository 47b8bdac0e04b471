# What the variables refuse.

mock_provider "azuread" {
  source = "./tests/tenant"
}

variables {
  aws_issuer = "https://0a1b.tokens.sts.global.api.aws"
  role_arns  = ["arn:aws:iam::123456789012:role/rollcall-UsersRole-1"]
}

run "refuses_permissions_to_write" {
  command = plan
  variables {
    permissions = ["User.ReadWrite.All"]
  }
  expect_failures = [var.permissions]
}

run "refuses_a_domain_for_a_tenant" {
  command = plan
  variables {
    tenant_id = "contoso.onmicrosoft.com"
  }
  expect_failures = [var.tenant_id]
}

run "refuses_clouds_that_do_not_exist" {
  command = plan
  variables {
    cloud = "germany"
  }
  expect_failures = [var.cloud]
}

run "refuses_a_cloud_that_nothing_describes" {
  command = plan
  variables {
    cloud = "bleu"
  }
  expect_failures = [var.metadata_host]
}

run "refuses_an_address_for_a_metadata_host" {
  command = plan
  variables {
    metadata_host = "https://management.example/"
  }
  expect_failures = [var.metadata_host]
}

run "refuses_a_secret_without_an_end" {
  command = plan
  variables {
    credential = "secret"
  }
  expect_failures = [var.secret_end_dates]
}
