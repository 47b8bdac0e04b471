terraform {
  # A variable's validation may look at other variables from 1.9 on.
  required_version = ">= 1.9"

  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "~> 3.9"
    }
  }
}
