# Described in ../variables.tf; what values may be is checked here, for both apps.

variable "name" {
  type = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9 ._-]{0,110}$", var.name))
    error_message = "The name of an app registration has letters, digits, blanks, full stops, hyphens and underscores."
  }
}

variable "description" {
  type = string
}

variable "permissions" {
  type = list(string)

  validation {
    condition     = alltrue([for p in var.permissions : contains(keys(var.graph.app_role_ids), p)])
    error_message = "Microsoft Graph of this tenant has no application permission of one of these names: ${join(", ", var.permissions)}."
  }
}

variable "graph" {
  description = "The service principal of Microsoft Graph."
  type = object({
    client_id    = string
    object_id    = string
    app_role_ids = map(string)
  })
}

variable "tenant_id" {
  type = string
}

variable "credential" {
  type = string

  validation {
    condition     = contains(["federation", "certificate", "secret"], var.credential)
    error_message = "credential is federation, certificate or secret."
  }

  validation {
    condition     = var.credential != "federation" || length(var.role_arns) > 0
    error_message = "credential is federation, so role_arns has to name the functions' roles; or set credential to certificate or secret."
  }

  validation {
    condition     = var.credential != "certificate" || length(var.certificate_files) > 0
    error_message = "credential is certificate, so certificate_files has to name a PEM file."
  }
}

variable "aws_issuer" {
  type = string

  validation {
    condition     = var.aws_issuer != null || length(var.role_arns) == 0
    error_message = "role_arns needs aws_issuer: aws iam get-outbound-web-identity-federation-info --query IssuerIdentifier."
  }

  # The exact text is compared: a slash or a blank at its end would let nobody in.
  validation {
    condition     = var.aws_issuer == null || can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*[!-.0-~])?$", var.aws_issuer))
    error_message = "aws_issuer is an https:// address without a slash or blank at its end."
  }

  validation {
    condition     = var.aws_issuer == null || length(coalesce(var.aws_issuer, "-")) <= 600
    error_message = "aws_issuer has at most 600 characters."
  }
}

variable "audience" {
  type = string
}

variable "role_arns" {
  type = list(string)

  validation {
    condition     = alltrue([for arn in var.role_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/([!-.0-~]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "role_arns has ARNs of roles, arn:aws:iam::<account>:role/<name>, as aws iam get-role --query Role.Arn prints them: not of functions, and not of sessions (assumed-role)."
  }

  validation {
    condition     = length(distinct(var.role_arns)) == length(var.role_arns)
    error_message = "role_arns names a role twice; each role has one federated credential."
  }

  validation {
    condition     = length(var.role_arns) <= 20
    error_message = "An app registration has at most 20 federated credentials."
  }
}

variable "certificate_files" {
  type = list(string)

  validation {
    condition     = alltrue([for f in var.certificate_files : fileexists(f)])
    error_message = "certificate_files names a file that is not there."
  }

  # What is given here is sent to Entra ID and kept in the state.
  validation {
    condition     = alltrue([for f in var.certificate_files : !fileexists(f) || !can(regex("PRIVATE KEY", try(file(f), "")))])
    error_message = "certificate_files names a file with a private key. Give the certificate alone: openssl x509 -in both.pem -out certificate.pem."
  }

  validation {
    condition     = alltrue([for f in var.certificate_files : !fileexists(f) || can(regex("^\\s*-----BEGIN CERTIFICATE-----[\\sA-Za-z0-9+/=]+-----END CERTIFICATE-----\\s*$", file(f)))])
    error_message = "certificate_files names a file that is not one certificate in PEM."
  }
}

variable "kms_key_id" {
  type = string

  validation {
    condition     = var.kms_key_id == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_id))
    error_message = "kms_key_id is the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>."
  }

  validation {
    condition     = var.kms_key_id == null || length(var.certificate_files) > 0
    error_message = "kms_key_id needs certificate_files: rollcall certificate create --kms makes the certificate of a key."
  }
}

variable "secret_end_dates" {
  type = list(string)

  validation {
    condition     = alltrue([for d in var.secret_end_dates : can(regex("Z$", d)) && can(timeadd(d, "0s"))])
    error_message = "secret_end_dates has times in UTC such as 2027-06-30T00:00:00Z."
  }
}
