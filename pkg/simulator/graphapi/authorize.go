package graphapi

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// authenticate verifies the Authorization header.
func (c *call) authenticate() *grapherror.Error {
	roles, verdict := c.tokens.Verify(c.R.Header.Get("Authorization"), c.R.Host)
	c.Note(func(r *wire.Request) { r.Authorization = verdict.Word })
	switch verdict.Word {
	case "valid":
		c.rights, c.app = rightsOf(roles), verdict.App
		return nil
	case "revoked":
		return challenge(verdict.Challenge)
	default:
		return unauthorized(verdict.Message)
	}
}

// wwwAuthenticate is Graph's header on a 401.
const wwwAuthenticate = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`

func unauthorized(message string) *grapherror.Error {
	return grapherror.New(http.StatusUnauthorized, "InvalidAuthenticationToken", message).With("WWW-Authenticate", wwwAuthenticate)
}

// challenge is Graph's answer to a revoked token of a client that has declared
// that it understands (continuous access evaluation).
func challenge(number int64) *grapherror.Error {
	claims := fmt.Appendf(nil, `{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, number)
	return grapherror.New(http.StatusUnauthorized, "InvalidAuthenticationToken",
		"Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenCreatedWithOutdatedPolicies").
		With("WWW-Authenticate", wwwAuthenticate+`, error="insufficient_claims", claims="`+base64.StdEncoding.EncodeToString(claims)+`"`)
}

// basic are the properties that User.ReadBasic.All shows; all others are null.
const basic = " id displayName givenName surname mail userPrincipalName securityIdentifier "

// permit checks the token's roles against what is selected or filtered by, and
// blanks what a basic role does not show. User resource type, "Permissions".
func (c *call) permit(q *query.Query) *grapherror.Error {
	if !c.may(readBasics) {
		return grapherror.Denied()
	}
	if q.Uses("signInActivity") {
		switch {
		case !c.may(readSignIns):
			return grapherror.New(http.StatusForbidden, "Authentication_MSGraphPermissionMissing",
				"The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All to call this API. For more information about Microsoft Graph permissions, please visit https://learn.microsoft.com/graph/permissions-overview.")
		case c.config.Free || c.config.B2C:
			return grapherror.New(http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
				"Neither tenant is B2C or tenant doesn't have premium license")
		}
	}
	if q.Uses("customSecurityAttributes") && !c.may(readAttributes) || q.Uses("employeeLeaveDateTime") && !c.may(readLifeCycle) {
		return grapherror.Denied()
	}
	if c.may(readUsers) {
		return nil
	}
	if q.Manager != nil {
		return grapherror.Denied()
	}
	null := func(_ *people.Person, dst []byte) []byte { return append(dst, "null"...) }
	for i, column := range q.Columns {
		if !strings.Contains(basic, " "+column.Name+" ") {
			q.Columns[i] = people.NewColumn(column.Name, null)
		}
	}
	return nil
}
