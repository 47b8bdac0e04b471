package main

// description is the head of `rollcall --help`.
func description() string {
	return `Rollcall gets the complete list of an Entra ID (Azure AD) tenant's users and returns or
publishes it, or fails. A list that comes to its end is proven against Graph's own count.

Examples:
  rollcall list --demo                          try it: a simulated tenant, nothing to set up
  rollcall doctor                               check your tenant's configuration, step by step
  rollcall list                                 your tenant's first users, and whether the list is whole
  rollcall list --format ndjson > users.ndjson  all of them
  rollcall list --output users.csv              a file that appears only when it is complete
  rollcall snapshot --sink s3://bucket/users    published for others: objects, a proof, what is current
  rollcall serve --demo                         the users over HTTP, for any Graph client

Environment, the same names as in the cloud functions:
  AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET
                          the application that reads (application permission User.Read.All)
  ROLLCALL_CREDENTIALS    where these are kept instead: secretsmanager:<ARN or name>, file:<path>
                          (default env:, the three variables above)
  ROLLCALL_SELECT         columns, separated by commas; name? marks one that may be missing
  ROLLCALL_FILTER         OData $filter
  ROLLCALL_CLOUD          public, usgov, usgov-dod or china (default public)
  ROLLCALL_PAGE_SIZE      users a page, 1 to 999 (default 999)
  ROLLCALL_COUNT_SLACK    how far a list may be from Graph's count (default 0.05%)
  ROLLCALL_PARALLEL       ranges of the list that are read side by side, 1 to 32 (default 1)
  ROLLCALL_SINKS          where snapshot publishes: URLs, separated by white space
  ROLLCALL_STATE          store for what is kept between runs (default state, in the first store)
  ROLLCALL_MAX_LEAVERS    how many known users may be missing from a snapshot (default 1%, at least 10)
  ROLLCALL_LOGIN_URL, ROLLCALL_GRAPH_URL
                          other hosts than the cloud's, such as a simulated tenant's
  HTTPS_PROXY, SSL_CERT_FILE, AWS_*, AZURE_STORAGE_*, NO_COLOR
                          as everywhere

Exit status:
  0  done; a list is complete, a snapshot is published
  1  failed; nothing that is left behind can be taken for a complete list
  2  wrong usage or configuration`
}
