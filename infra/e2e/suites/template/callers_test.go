package template_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// byJwt are the parameters of an HTTP API, and more.
func byJwt(more map[string]string) map[string]string {
	all := map[string]string{"JwtIssuer": "https://login.example", "JwtAudience": "api"}
	maps.Copy(all, more)
	return all
}

func TestNoTokenOfTheAudienceReadsEverythingByItself(t *testing.T) {
	if _, err := resolve(t, byJwt(nil)); err == nil || !strings.Contains(err.Error(), "JwtScopes or JwtRoles has to be") {
		t.Errorf("an HTTP API that asks for no scope and no role: %v", err)
	}
	for _, c := range []struct {
		scopes, roles string
		gateway       any
		function      any
	}{
		{"Users.Read", "", []any{"Users.Read"}, nil},
		{"Users.Read,Users.Export", "", []any{"Users.Read", "Users.Export"}, nil},
		{"", "Users.Read.All,Audit", nil, "Users.Read.All,Audit"},
		{"Users.Read", "Users.Read.All", []any{"Users.Read"}, "Users.Read.All"},
	} {
		s := stack(t, byJwt(map[string]string{"JwtScopes": c.scopes, "JwtRoles": c.roles}))
		route := s.Resources["HttpRoute"].Properties
		if diff := cmp.Diff(c.gateway, route["AuthorizationScopes"]); diff != "" || route["AuthorizationType"] != "JWT" {
			t.Errorf("%+v: the route asks for %v: %s", c, route, diff)
		}
		variables := s.Resources["UsersFunction"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if variables["ROLLCALL_JWT_ROLES"] != c.function {
			t.Errorf("%+v: the function asks for %v", c, variables["ROLLCALL_JWT_ROLES"])
		}
	}
}

func TestTheFunctionKnowsTheOneLoadBalancer(t *testing.T) {
	const arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/users/50dc6c495c0c9188"
	for given, want := range map[string]any{"": nil, arn: arn} {
		s := stack(t, map[string]string{"LoadBalancerArn": given})
		variables := s.Resources["UsersFunction"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if variables["ROLLCALL_LOAD_BALANCER"] != want || variables["ROLLCALL_ALLOW_ANONYMOUS"] != nil {
			t.Errorf("the function's environment is %v", variables)
		}
	}
}

func TestOneRoleWritesTheTenantsFile(t *testing.T) {
	_, err := resolve(t, map[string]string{"TenantsKey": "tenants.json"})
	if err == nil || !strings.Contains(err.Error(), "TenantsWriterArn has to be") {
		t.Errorf("anybody may write the tenants file: %v", err)
	}
}

func TestTheAPIsAskForTLS12(t *testing.T) {
	api := stack(t, nil).Resources["Api"].Properties
	if api["SecurityPolicy"] != "SecurityPolicy_TLS13_1_2_2021_06" || api["EndpointAccessMode"] != "BASIC" {
		t.Errorf("it has the policy %v in the mode %v", api["SecurityPolicy"], api["EndpointAccessMode"])
	}
}

// What has no default is what `make deploy` asks for.
func TestOnlyTheAppHasToBeGiven(t *testing.T) {
	for name, parameter := range whole(t).Parameters {
		if _, has := parameter.(map[string]any)["Default"]; has != (name != "FederatedApp") {
			t.Errorf("%s has a default: %t", name, has)
		}
		if text := parameter.(map[string]any)["Description"]; text == nil || text == "" {
			t.Errorf("%s is not described", name)
		}
	}
}
