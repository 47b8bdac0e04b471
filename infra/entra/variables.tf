# What the tenant is.

variable "tenant_id" {
  description = "GUID of the tenant. Null for the tenant that the Azure command line is signed in to."
  type        = string
  default     = null

  validation {
    condition     = var.tenant_id == null || can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.tenant_id))
    error_message = "tenant_id is a GUID in lower case, such as 11111111-2222-3333-4444-555555555555: az account show --query tenantId."
  }
}

variable "cloud" {
  description = "Microsoft cloud of the tenant, by the names of ROLLCALL_CLOUD."
  type        = string
  default     = "public"

  validation {
    condition     = contains(keys(local.audiences), var.cloud)
    error_message = "cloud is one of ${join(", ", keys(local.audiences))}."
  }
}

variable "metadata_host" {
  description = "Host that describes a cloud which the provider has no name for (bleu, delos, govsg), such as management.example. Null for the others."
  type        = string
  default     = null

  validation {
    condition     = (var.metadata_host != null) || contains(keys(local.environments), var.cloud)
    error_message = "The provider does not know this cloud by name: metadata_host has to say where it is described, the host of its Azure Resource Manager."
  }

  validation {
    condition     = var.metadata_host == null || can(regex("^[A-Za-z0-9.-]+(:[0-9]+)?$", var.metadata_host))
    error_message = "metadata_host is a host without https:// and without a path."
  }
}

# The reader: the app registration that lists the users.

variable "name" {
  description = "Display name of the reader's app registration. The rotator is called the same with -rotator after it."
  type        = string
  default     = "rollcall"
}

variable "permissions" {
  description = "Application permissions of Microsoft Graph that the reader has besides User.Read.All, such as AuditLog.Read.All for signInActivity."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for p in var.permissions : can(regex("^[A-Z][A-Za-z-]*(\\.[A-Za-z]+)*\\.Read(Basic)?\\.All$", p))])
    error_message = "permissions has names of application permissions that only read, such as AuditLog.Read.All. The reader never writes."
  }
}

variable "credential" {
  description = "Which of the reader's credentials the functions use, and so what the output secret says: federation, certificate or secret."
  type        = string
  default     = "federation"
}

variable "aws_issuer" {
  description = "Issuer of the AWS account's outbound identity federation, as aws iam enable-outbound-web-identity-federation prints it. Required with role_arns."
  type        = string
  default     = null
}

variable "role_arns" {
  description = "ARNs of the functions' roles that may sign in as the reader by federation: one federated credential each."
  type        = list(string)
  default     = []
}

variable "certificate_files" {
  description = "PEM files with certificates, without private keys, that the reader may sign in with. The functions use the last one."
  type        = list(string)
  default     = []
}

variable "kms_key_id" {
  description = "ARN of the KMS key that the last certificate was made for. Null if the private key is in the secret."
  type        = string
  default     = null
}

variable "secret_end_dates" {
  description = "Until when client secrets of the reader are valid, such as 2027-06-30T00:00:00Z: one secret each, of which the functions use the last to expire. Their values are in the state file. Empty once the rotator has taken over."
  type        = list(string)
  default     = []

  validation {
    condition     = var.credential != "secret" || length(var.secret_end_dates) > 0 || var.rotator != null
    error_message = "credential is secret, so secret_end_dates has to say until when, such as [\"2027-06-30T00:00:00Z\"]."
  }
}

# The rotator: the app registration that rotates the reader's client secret.

variable "rotator" {
  description = "Makes the rotator too, with credentials of its own, which mean the same as the reader's. Null for none."
  type = object({
    credential        = optional(string, "federation")
    role_arns         = optional(list(string), [])
    certificate_files = optional(list(string), [])
    kms_key_id        = optional(string)
    secret_end_dates  = optional(list(string), [])
  })
  default = null
}
