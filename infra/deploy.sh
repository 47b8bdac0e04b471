#!/usr/bin/env bash
# Deploys template.yaml with the SAM command line, for `make deploy`. It asks for what has no default,
# the app registration, where there is no stack yet that knows it. Its variables:
#
#   APP         <TENANT ID>/<CLIENT ID> of an app registration that trusts the functions' roles, or the word secret
#   STACK       name of the stack, else that of samconfig.toml
#   PARAMETERS  other parameters of template.yaml: 'Changes=yes Schedule="rate(6 hours)"'. A stack keeps those that are not named
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
die() {
	say "make deploy: $*"
	exit 2
}

app=${APP:-} parameters=${PARAMETERS:-}
stack=()
[ -z "${STACK:-}" ] || stack=(--stack-name "$STACK")
# SAM does not know the name that the AWS command line prefers.
[ -z "${AWS_REGION:-}" ] || export AWS_DEFAULT_REGION=$AWS_REGION

# SAM leaves out parameters that the template has not, without a word.
check_parameters() {
	local there given word
	there=$(sed -n '/^Parameters:/,/^Mappings:/s/^  \([A-Za-z]*\):$/ \1 /p' template.yaml)
	given=$(sed "s/=\"[^\"]*\"/=/g; s/='[^']*'/=/g" <<<"$parameters")
	for word in $given; do
		[[ $word == [A-Z]*=* ]] || die "PARAMETERS is not Name=value, separated by spaces, at $word. Quote values with spaces: 'Schedule=\"rate(6 hours)\"'"
		[[ $there == *" ${word%%=*} "* ]] || die "template.yaml has no parameter ${word%%=*}"
	done
}

is_app() {
	local guid='[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}'
	[[ $1 == secret || $1 =~ ^$guid/$guid$ ]]
}

# Reads the stack's outputs as JSON into outputs; there are none before the first deployment.
read_outputs() {
	local problem
	problem=$(mktemp)
	if ! outputs=$(sam list stack-outputs ${stack[@]+"${stack[@]}"} --output json 2>"$problem"); then
		case $(cat "$problem") in
		*"does not exist"* | *"Outputs do not exist"*) outputs='' ;;
		*"No region"*) rm "$problem" && die "there is no region: set AWS_REGION, or run: aws configure set region <REGION>" ;;
		*) cat "$problem" >&2 && rm "$problem" && exit 1 ;;
		esac
	fi
	rm "$problem"
}

# The value of one of them.
output() { sed -n "/\"OutputKey\": \"$1\"/{n;s/^ *\"OutputValue\": \"\\(.*\\)\",*\$/\\1/;s/\\\\\\([\"\\\\]\\)/\\1/g;p;}" <<<"$outputs"; }

ask() {
	[ -t 0 ] || die "say which app registration reads the users: APP=<TENANT ID>/<CLIENT ID>, or APP=secret for one that has a client secret or a certificate"
	say "Which app registration reads the users? docs/entra.md says how to make one."
	say "  <TENANT ID>/<CLIENT ID>   it trusts the functions' roles, so that there is no secret (Sign in without a secret, in README.md)"
	say "  secret                    it has a client secret or a certificate, which is kept in Secrets Manager"
	while read -r -p "App: " app || die "nothing was answered"; do
		is_app "$app" && return
		say "That is neither two GUIDs with a / between them nor the word secret."
	done
}

command -v sam >/dev/null || die "the AWS SAM command line, sam, is not installed: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html"
check_parameters
[ -z "$app" ] || is_app "$app" || die "APP=$app is neither <TENANT ID>/<CLIENT ID>, two GUIDs, nor the word secret"
read_outputs
known=$outputs
if [[ " $parameters" == *" FederatedApp="* ]]; then
	[ -z "$app" ] || die "APP and FederatedApp are the same: say one of them"
elif [ -z "$app" ] && [ -z "$known" ]; then
	ask
elif [ -z "$app" ] && [ -n "$(output FillSecretCommand)" ]; then
	app=secret # also where the stack is older than the parameter
fi
[ -z "$app" ] || parameters="FederatedApp=$app${parameters:+ $parameters}"

sam build
sam deploy ${stack[@]+"${stack[@]}"} ${parameters:+--parameter-overrides "$parameters"}

[ -z "$known" ] || exit 0
read_outputs
say "" && say "Next:"
if [ -n "$(output RegisterCommand)" ]; then
	say "  aws iam enable-outbound-web-identity-federation   # once for the account"
	say "  $(output RegisterCommand)"
else
	say "  $(output FillSecretCommand)"
fi
say "  $(output SnapshotCommand)"
