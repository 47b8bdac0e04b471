#!/usr/bin/env bash
# Makes an app registration of Rollcall with the Azure command line, as infra/entra does with Terraform.
set -euo pipefail

usage() {
	cat <<'USAGE'
setup.sh reader|rotator [options]   makes the app registration, or completes the one of that name

  reader     lists the users: User.Read.All
  rotator    renews the client secret of the reader of that name, which it comes to own: Application.ReadWrite.OwnedBy

  --credential KIND        how it signs in: federation, certificate or secret
    federation             --issuer URL --role-arn ARN [--role-arn ARN ...] [--audience AUDIENCE]
    certificate            --certificate FILE [--kms-key-id ARN]
    secret                 --end-date YYYY-MM-DD
  --name NAME              the reader's display name (rollcall); the rotator is called NAME-rotator
  --client-id ID           complete this app registration of that name, although it lacks a permission so far
  --permission NAME        another permission of the reader, such as AuditLog.Read.All; may be repeated

It works in the tenant that az is signed in to. Standard output is what the secret of the functions has to contain,
for the stack's FillSecretCommand; everything else is on standard error. Run again, it changes nothing that is
right, and ends with 3 if there is a secret of that end date, whose value nobody can read a second time.
USAGE
}

say() { printf '%s\n' "$*" >&2; }
die() { # The command line is wrong.
	say "setup.sh: $*"
	exit 2
}
fail() { # The tenant is not as it has to be.
	say "setup.sh: $*"
	exit 1
}

readonly graph_app=00000003-0000-0000-c000-000000000000 # Microsoft Graph, in every tenant

read_arguments() {
	role=${1:-}
	name=rollcall client_id='' credential='' issuer='' audience='' certificate='' kms_key_id='' end_date=''
	role_arns=() permissions=()
	case $role in
	reader | rotator) shift ;;
	-h | --help | help) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
	while [ $# -gt 0 ]; do
		[ $# -ge 2 ] || die "$1 needs a value"
		case $1 in
		--name) name=$2 ;;
		--client-id) client_id=$2 ;;
		--credential) credential=$2 ;;
		--permission) permissions+=("$2") ;;
		--issuer) issuer=$2 ;;
		--audience) audience=$2 ;;
		--role-arn) role_arns+=("$2") ;;
		--certificate) certificate=$2 ;;
		--kms-key-id) kms_key_id=$2 ;;
		--end-date) end_date=$2 ;;
		*) die "there is no option $1; --help lists them" ;;
		esac
		shift 2
	done
}

# Whatever passes here may stand between the quotes of JSON and of an OData filter.
check() { # check VALUE PATTERN MESSAGE
	[[ $1 =~ $2 ]] || die "$3"
}

check_arguments() {
	local value
	check "$name" '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,110}$' '--name has letters, digits, blanks, full stops, hyphens and underscores'
	for value in ${permissions[@]+"${permissions[@]}"}; do
		check "$value" '^[A-Z][A-Za-z-]*(\.[A-Za-z]+)*\.Read(Basic)?\.All$' '--permission is one that only reads, such as AuditLog.Read.All'
	done
	case $credential in
	federation)
		[ ${#role_arns[@]} -gt 0 ] || die 'federation needs --role-arn'
		[ ${#role_arns[@]} -le 20 ] || die 'an app registration has at most 20 federated credentials'
		check "$issuer" '^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$' \
			'--issuer is an https:// address without a slash at its end: aws iam get-outbound-web-identity-federation-info'
		[ -z "$audience" ] || check "$audience" '^[A-Za-z0-9:/._~-]{1,600}$' '--audience is one such as api://AzureADTokenExchange'
		for value in "${role_arns[@]}"; do
			check "$value" '^arn:aws[a-z-]*:iam::[0-9]{12}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$' \
				'--role-arn is the ARN of a role, arn:aws:iam::<account>:role/<name>: not of a function, and not of a session (assumed-role)'
		done
		;;
	certificate)
		[ -r "$certificate" ] || die 'certificate needs --certificate with a file that can be read'
		if grep -q 'PRIVATE KEY' "$certificate"; then
			die '--certificate has a private key in it; give the certificate alone: openssl x509 -in both.pem -out certificate.pem'
		fi
		[ "$(grep -c -e '-----BEGIN CERTIFICATE-----' "$certificate")" = 1 ] || die '--certificate is not one certificate in PEM'
		[ -z "$kms_key_id" ] || check "$kms_key_id" '^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$' \
			'--kms-key-id is the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>'
		;;
	secret)
		check "$end_date" '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' 'secret needs --end-date, such as 2027-06-30'
		[ ! -t 1 ] || die 'the secret would be shown here; pipe standard output into the command that stores it'
		;;
	*) die '--credential is federation, certificate or secret' ;;
	esac
}

# Repeats what fails because Entra ID does not know everywhere yet what was just made. A
# refusal will not change.
patiently() {
	local attempt output errors
	errors=$(mktemp)
	for attempt in 1 2 3 4 5 6 7 8; do
		if output=$("$@" 2>"$errors"); then
			rm -f "$errors"
			printf '%s\n' "$output"
			return
		fi
		if [ "$attempt" = 8 ] || grep -qiE 'insufficient privileges|Authorization_RequestDenied|az login' "$errors"; then
			cat "$errors" >&2
			rm -f "$errors"
			return 1
		fi
		say 'waiting for Entra ID to know what was just made'
		sleep 5
	done
}

azure() { az "$@" --only-show-errors --output tsv; }

find_cloud() {
	tenant=$(azure account show --query tenantId)
	graph=$(azure cloud show --query endpoints.microsoftGraphResourceId)
	graph=${graph%/}
	[ -z "$audience" ] || return 0
	case $(azure cloud show --query name) in
	AzureCloud) audience=api://AzureADTokenExchange ;;
	AzureUSGovernment) audience=api://AzureADTokenExchangeUSGov ;;
	AzureChinaCloud) audience=api://AzureADTokenExchangeChina ;;
	AzureBleuCloud) audience=api://AzureADTokenExchangeFrance ;;
	*) [ "$credential" != federation ] || fail 'no audience is known for this cloud; give --audience' ;;
	esac
}

# Sets app, the client ID, and principal, the object ID of the service principal.
make_app() { # make_app NAME PERMISSION...
	local display=$1 permission id ids=() access=''
	shift
	graph_principal=$(azure ad sp show --id "$graph_app" --query id)
	for permission in "$@"; do
		id=$(azure ad sp show --id "$graph_app" --query "appRoles[?value=='$permission'].id")
		[ -n "$id" ] || fail "Microsoft Graph of this tenant has no application permission $permission"
		ids+=("$id")
		access+=${access:+,}"{\"id\":\"$id\",\"type\":\"Role\"}"
	done
	adopt "$display" "${ids[@]}"
	# Changes the app registration of that name if there is one.
	app=$(azure ad app create --display-name "$display" --sign-in-audience AzureADMyOrg \
		--required-resource-accesses "[{\"resourceAppId\":\"$graph_app\",\"resourceAccess\":[$access]}]" --query appId)
	find_principal
	[ -n "$principal" ] || principal=$(patiently azure ad sp create --id "$app" --query id)
	say "app registration $display: client ID $app"
	for id in "${ids[@]}"; do
		consent "$id"
		say "consented to $1"
		shift
	done
}

# Users may register apps of any name, so that an app of this one may be somebody else's,
# who would get its permissions. One that has them already may be changed.
adopt() { # adopt NAME APP_ROLE...
	local display=$1 id
	shift
	app=$(azure ad app list --filter "displayName eq '$display'" --query '[].appId')
	if [ -n "$client_id" ]; then
		[ "$app" = "$client_id" ] || fail "$client_id is not the one app registration called $display"
		return
	fi
	[ -n "$app" ] || return 0
	[[ $app =~ ^[0-9a-f-]{36}$ ]] || fail "there are several app registrations called $display: ${app//$'\n'/ }"
	find_principal
	for id in "$@"; do
		[ -n "$principal" ] && [ -n "$(consented "$id")" ] ||
			fail "there is an app registration called $display, client ID $app, that lacks a permission. If you know who owns it, and what it signs in with, say --client-id $app"
	done
}

find_principal() {
	principal=$(azure ad sp list --filter "appId eq '$app'" --query '[].id')
}

# An assigned app role is what the portal calls admin consent.
assignments() { # assignments AZ_REST_OPTION...
	patiently azure rest --url "$graph/v1.0/servicePrincipals/$principal/appRoleAssignments" --resource "$graph/" "$@"
}
consented() { # consented APP_ROLE
	assignments --query "value[?appRoleId=='$1' && resourceId=='$graph_principal'].id"
}
consent() { # consent APP_ROLE
	local known
	known=$(consented "$1")
	[ -n "$known" ] || assignments --method post --headers Content-Type=application/json \
		--body "{\"principalId\":\"$principal\",\"resourceId\":\"$graph_principal\",\"appRoleId\":\"$1\"}" --query id >/dev/null
}

# Sets reader, the client ID of the app registration of that name.
find_reader() { # find_reader NAME
	reader=$(azure ad app list --filter "displayName eq '$1'" --query '[].appId')
	[[ $reader =~ ^[0-9a-f-]{36}$ ]] || fail "there is not exactly one app registration called $1; make the reader first"
}

# The rotator may change what it owns.
own() {
	patiently azure ad app owner add --id "$reader" --owner-object-id "$principal" >/dev/null
	say "the rotator owns the reader, $reader"
}

federate() {
	local arn title account id parameters
	for arn in "${role_arns[@]}"; do
		account=${arn#*::} title=${arn##*/}
		title=${account%%:*}-${title//[^A-Za-z0-9_-]/-}
		parameters="{\"name\":\"$title\",\"issuer\":\"$issuer\",\"subject\":\"$arn\",\"audiences\":[\"$audience\"],\"description\":\"Rollcall on AWS\"}"
		id=$(patiently azure ad app federated-credential list --id "$app" --query "[?name=='$title'].id")
		if [ -n "$id" ]; then
			azure ad app federated-credential update --id "$app" --federated-credential-id "$id" --parameters "$parameters" >/dev/null
		else
			patiently azure ad app federated-credential create --id "$app" --parameters "$parameters" --query id >/dev/null
		fi
		say "federated credential $title: issuer $issuer, subject $arn, audience $audience"
	done
	result ',"Federation":"aws"'
}

certify() {
	local title known pem
	title="certificate $(cksum <"$certificate" | cut -d ' ' -f 1)"
	known=$(patiently azure ad app credential list --id "$app" --cert --query "[?displayName=='$title'].keyId")
	# az takes the end of the certificate where that is earlier.
	[ -n "$known" ] || patiently azure ad app credential reset --id "$app" --append --cert "@$certificate" \
		--display-name "$title" --end-date 2999-12-31 --query appId >/dev/null
	say "$title is registered"
	if [ -z "$kms_key_id" ]; then
		say 'The secret below lacks "Certificate": the PEM of the certificate and of its private key, which stays with you.'
		result ''
		return
	fi
	pem=$(tr -d '\r' <"$certificate" | awk '/-----BEGIN/ { on = 1 } on { printf "%s\\n", $0 } /-----END/ { on = 0 }')
	check "$pem" '^[A-Za-z0-9+/= \\-]+$' '--certificate is not one certificate in PEM'
	result ",\"KMSKeyID\":\"$kms_key_id\",\"Certificate\":\"$pem\""
}

share() {
	local title="setup until $end_date" known value key_id
	known=$(patiently azure ad app credential list --id "$app" --query "[?displayName=='$title'].keyId")
	if [ -n "$known" ]; then
		say "There is a secret until $end_date, and nobody can read its value again. Give another --end-date, or remove it first:"
		say "az ad app credential delete --id $app --key-id $known"
		exit 3
	fi
	# Not patiently: what fails after the secret was made would make another.
	value=$(azure ad app credential reset --id "$app" --append --display-name "$title" --end-date "$end_date" --query password)
	check "$value" '^[^"\\[:space:]]+$' 'Entra ID made a secret with characters that JSON needs escapes for; remove it and try again'
	say "a secret until $end_date is made"
	key_id=$(azure ad app credential list --id "$app" --query "[?displayName=='$title'].keyId")
	result ",\"ClientSecret\":\"$value\",\"KeyID\":\"$key_id\",\"ExpiresAt\":\"${end_date}T00:00:00Z\""
}

result() { # result FIELDS
	say "What the secret has to contain is on standard output."
	printf '{"TenantID":"%s","ClientID":"%s"%s}\n' "$tenant" "$app" "$1"
}

read_arguments "$@"
check_arguments
find_cloud
if [ "$role" = rotator ]; then
	[ ${#permissions[@]} -eq 0 ] || die '--permission is for the reader'
	find_reader "$name"
	make_app "$name-rotator" Application.ReadWrite.OwnedBy
	own
else
	make_app "$name" User.Read.All ${permissions[@]+"${permissions[@]}"}
fi
case $credential in
federation) federate ;;
certificate) certify ;;
secret) share ;;
esac
