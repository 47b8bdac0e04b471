package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func mustRead(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	c, err := config.Read(environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnEmptyEnvironmentGivesTheDefaults(t *testing.T) {
	c := mustRead(t, "PATH=/bin", "ROLLCALL_SELECT=", "ROLLCALL_PAGE_SIZE= \t", "=C:=x", "broken")
	if c.Credentials.String() != "env:" || c.Cloud.Name != "public" || c.PageSize != 999 || c.CountSlack != (tolerance.Tolerance{}) || c.RequireVerified || c.AllowAnonymous || c.Stream || c.Filter != "" || c.SealKey.Scheme != "" {
		t.Errorf("config %+v", c.LogValue())
	}
	if c.LoginURL != "https://login.microsoftonline.com" || c.GraphURL != "https://graph.microsoft.com" || c.Cloud.Scope() != "https://graph.microsoft.com/.default" || c.Replaced != nil {
		t.Errorf("hosts %v", c)
	}
	if len(c.Select) != 15 || c.Select[0].Name != "id" || c.Select[14].Name != "onPremisesSyncEnabled" {
		t.Errorf("select %v", c.Select)
	}
	for _, column := range c.Select {
		if err := property.Selectable(column.Name); err != nil || column.Optional {
			t.Errorf("default column %v: %v", column, err)
		}
	}
}

func TestEveryVariableIsRead(t *testing.T) {
	c := mustRead(t,
		"ROLLCALL_CREDENTIALS= secretsmanager:rollcall/entra?stage=AWSPREVIOUS\n",
		"ROLLCALL_SEAL_KEY=file:/run/secrets/seal",
		"ROLLCALL_CLOUD=USGov-DoD",
		"ROLLCALL_SELECT=displayName, manager?,signInActivity? ,id,",
		"ROLLCALL_FILTER=accountEnabled eq true",
		"ROLLCALL_PAGE_SIZE=500",
		"ROLLCALL_COUNT_SLACK=20",
		"ROLLCALL_ALLOW_ANONYMOUS=TRUE",
		"ROLLCALL_RESPONSE=Stream",
		"AWS_LAMBDA_LOG_LEVEL=DEBUG",
	)
	if c.Credentials.String() != "secretsmanager:rollcall/entra?stage=AWSPREVIOUS" || c.SealKey.String() != "file:/run/secrets/seal" || c.Filter != "accountEnabled eq true" || c.PageSize != 500 ||
		c.CountSlack != (tolerance.Tolerance{Users: 20}) || !c.AllowAnonymous || !c.Stream || c.LogLevel != "DEBUG" {
		t.Errorf("config %+v", c.LogValue())
	}
	if c.LoginURL != "https://login.microsoftonline.us" || c.GraphURL != "https://dod-graph.microsoft.us" || c.Cloud.Scope() != "https://dod-graph.microsoft.us/.default" {
		t.Errorf("hosts %v", c)
	}
	want := property.Columns{{Name: "displayName"}, {Name: "manager", Optional: true}, {Name: "signInActivity", Optional: true}, {Name: "id"}}
	if diff := cmp.Diff(want, c.Select); diff != "" {
		t.Error(diff)
	}
}

func TestCallersAreNarrowedByRolesAndByALoadBalancer(t *testing.T) {
	const arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/users/50dc6c495c0c9188"
	c := mustRead(t, "ROLLCALL_JWT_ROLES= Users.Read.All , Audit", "ROLLCALL_LOAD_BALANCER="+arn)
	if diff := cmp.Diff([]string{"Users.Read.All", "Audit"}, c.Roles); diff != "" || c.LoadBalancer != arn {
		t.Errorf("%s %s", diff, c.LoadBalancer)
	}
	for _, entry := range []string{"ROLLCALL_JWT_ROLES=Users.Read.All", "ROLLCALL_LOAD_BALANCER=" + arn} {
		_, err := config.Read([]string{entry, "ROLLCALL_ALLOW_ANONYMOUS=true"})
		if variable, _, _ := strings.Cut(entry, "="); err == nil || !strings.Contains(err.Error(), variable+": asks for callers") {
			t.Errorf("anybody may ask all the same: %v", err)
		}
	}
}

func TestResponsesAreBufferedByDefault(t *testing.T) {
	for value, want := range map[string]bool{"": false, "buffered": false, "BUFFERED": false, " stream ": true} {
		if c := mustRead(t, "ROLLCALL_RESPONSE="+value); c.Stream != want {
			t.Errorf("%q: %v", value, c.Stream)
		}
	}
}

func TestPartitionsAreANumberOrAutomatic(t *testing.T) {
	for value, want := range map[string]config.Parallel{"": config.Auto, "auto": config.Auto, " AUTO ": config.Auto, "1": 1, "32": 32} {
		if c := mustRead(t, "ROLLCALL_PARALLEL="+value); c.Parallel != want {
			t.Errorf("%q: %v", value, c.Parallel)
		}
	}
	for _, value := range []string{"0", "33", "-1", "automatic", "4.0", "auto 4", "1e1"} {
		_, err := config.Read([]string{"ROLLCALL_PARALLEL=" + value})
		if err == nil || !strings.Contains(err.Error(), "ROLLCALL_PARALLEL: is not a number of partitions; write a whole number from 1 to 32, or auto") {
			t.Errorf("%q: %v", value, err)
		}
	}
	if text := mustRead(t).LogValue().String(); !strings.Contains(text, "parallel=auto") {
		t.Error(text)
	}
}

func TestTheIDIsAlwaysSelected(t *testing.T) {
	c := mustRead(t, "ROLLCALL_SELECT=manager")
	if diff := cmp.Diff(property.Columns{{Name: "id"}, {Name: "manager"}}, c.Select); diff != "" {
		t.Error(diff)
	}
}

func TestEachCloudHasItsHostsAndScope(t *testing.T) {
	for name, want := range map[string][2]string{
		"public":    {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
		"usgov":     {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
		"usgov-dod": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
		"china":     {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
		"bleu":      {"https://login.sovcloud-identity.fr", "https://graph.svc.sovcloud.fr"},
		"delos":     {"https://login.sovcloud-identity.de", "https://graph.svc.sovcloud.de"},
		"govsg":     {"https://login.sovcloud-identity.sg", "https://graph.svc.sovcloud.sg"},
	} {
		c := mustRead(t, "ROLLCALL_CLOUD="+name)
		if got := [2]string{c.LoginURL, c.GraphURL}; got != want || c.Cloud.Scope() != want[1]+"/.default" {
			t.Errorf("%s: %v, scope %s", name, got, c.Cloud.Scope())
		}
	}
}

func TestTheHostsOfACloudCanBeReplaced(t *testing.T) {
	c := mustRead(t, "ROLLCALL_CLOUD=bleu", "ROLLCALL_LOGIN_URL=https://login.bleu.example", "ROLLCALL_GRAPH_URL=https://graph.bleu.example")
	if c.LoginURL != "https://login.bleu.example" || c.GraphURL != "https://graph.bleu.example" || c.Cloud.Scope() != "https://graph.svc.sovcloud.fr/.default" || len(c.Replaced) != 2 {
		t.Errorf("config %v, scope %s, replaced %v", c, c.Cloud.Scope(), c.Replaced)
	}
}

func TestAnOlderLoginHostOfTheSameCloudIsAccepted(t *testing.T) {
	for host, cloud := range map[string]string{"login.windows.net": "public", "login.chinacloudapi.cn": "china", "login-us.microsoftonline.com": "usgov-dod"} {
		if c := mustRead(t, "ROLLCALL_CLOUD="+cloud, "AZURE_AUTHORITY_HOST=https://"+host); c.LoginURL != "https://"+host || len(c.Replaced) != 1 {
			t.Errorf("%s: %v, replaced %v", host, c, c.Replaced)
		}
	}
}

func TestAnUnusedLoginHostIsNotChecked(t *testing.T) {
	mustRead(t, "AZURE_AUTHORITY_HOST=https://login.chinacloudapi.cn", "ROLLCALL_LOGIN_URL=https://login.example")
}

// FuzzHosts reads hosts from the environment: an accepted host contains only letters
// of the value.
func FuzzHosts(f *testing.F) {
	for _, seed := range []string{"https://login.example", "HTTPS://Login.Example:443/", "https://login.m\u0130crosoft.com", "https://login.microsoftonline.de", "https://u@login.example", "https://[::1]:8443/"} {
		f.Add("ROLLCALL_LOGIN_URL", seed)
		f.Add("AZURE_AUTHORITY_HOST", seed)
		f.Add("ROLLCALL_GRAPH_URL", seed)
	}
	f.Add("AZURE_CLIENT_SECRET", "@Microsoft.KeyVault(x)")
	f.Add("AZURE_TENANT_ID", "\u00a0x")
	f.Fuzz(func(t *testing.T, name, value string) {
		const canary = "C4nary"
		c, err := config.Read([]string{name + "=" + value, "AZURE_CLIENT_SECRET=" + canary})
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("error %q", err)
			}
			return
		}
		for _, url := range []string{c.LoginURL, c.GraphURL} {
			if !strings.HasPrefix(url, "https://") || strings.ContainsFunc(url, func(r rune) bool { return r >= 0x80 || r <= ' ' || strings.ContainsRune("@\\%?#", r) }) {
				t.Errorf("%s=%q gives %q", name, value, url)
			}
			if url != "https://login.microsoftonline.com" && url != "https://graph.microsoft.com" && (!strings.Contains(strings.ToLower(value), strings.TrimPrefix(url, "https://")) || strings.ContainsFunc(strings.TrimSpace(value), func(r rune) bool { return r >= 0x80 })) {
				t.Errorf("%s=%q gives %q", name, value, url)
			}
		}
		if v, _ := c.LookupEnv("AZURE_CLIENT_SECRET"); name != "AZURE_CLIENT_SECRET" && v != canary {
			t.Errorf("%s=%q changes another variable", name, value)
		}
	})
}

func TestReplacedHostsAreReportedAndKeepTheScope(t *testing.T) {
	c := mustRead(t, "ROLLCALL_LOGIN_URL=https://Localhost:8443/", "ROLLCALL_GRAPH_URL=https://[::1]:8444")
	if c.LoginURL != "https://localhost:8443" || c.GraphURL != "https://[::1]:8444" || c.Cloud.Scope() != "https://graph.microsoft.com/.default" {
		t.Errorf("config %v, scope %s", c, c.Cloud.Scope())
	}
	if diff := cmp.Diff([]string{"ROLLCALL_LOGIN_URL", "ROLLCALL_GRAPH_URL"}, c.Replaced); diff != "" {
		t.Error(diff)
	}
	if c := mustRead(t, "ROLLCALL_LOGIN_URL=https://login.microsoftonline.com:443/"); c.Replaced != nil {
		t.Errorf("replaced %v", c.Replaced)
	}
}

func TestTheDomainOfVaultsFollowsTheCloud(t *testing.T) {
	for entry, want := range map[string]string{
		"": "vault.azure.net", "ROLLCALL_CLOUD=usgov": "vault.usgovcloudapi.net", "ROLLCALL_CLOUD=china": "vault.azure.cn", "ROLLCALL_CLOUD=govsg": "",
		"ROLLCALL_VAULT_DOMAIN=Vault.Example": "vault.example",
	} {
		if c := mustRead(t, entry); c.VaultDomain != want {
			t.Errorf("%q gives %q, want %q", entry, c.VaultDomain, want)
		}
	}
}

func TestTheAuthorityHostOfTheAzureSDKIsHonoured(t *testing.T) {
	c := mustRead(t, "AZURE_AUTHORITY_HOST=https://login.example/")
	if c.LoginURL != "https://login.example" || len(c.Replaced) != 1 || c.Replaced[0] != "AZURE_AUTHORITY_HOST" {
		t.Errorf("config %v, replaced %v", c, c.Replaced)
	}
	c = mustRead(t, "AZURE_AUTHORITY_HOST=https://login.microsoftonline.us/", "ROLLCALL_CLOUD=usgov")
	if c.Replaced != nil {
		t.Errorf("replaced %v", c.Replaced)
	}
	c = mustRead(t, "AZURE_AUTHORITY_HOST=https://login.example/", "ROLLCALL_LOGIN_URL=https://other.example")
	if c.LoginURL != "https://other.example" || len(c.Replaced) != 1 {
		t.Errorf("config %v, replaced %v", c, c.Replaced)
	}
}

func TestAProblemNamesTheVariableAndTheRemedy(t *testing.T) {
	for _, row := range []struct{ entry, want string }{
		{"ROLLCALL_CLOUD=azure", "public, usgov, usgov-dod, china, bleu, delos or govsg"},
		{"ROLLCALL_LOGIN_URL=http://login.example", "not an https URL"},
		{"ROLLCALL_LOGIN_URL=login.example", "not an https URL"},
		{"ROLLCALL_LOGIN_URL=https://", "names no host"},
		{"ROLLCALL_LOGIN_URL=https://:443", "names no host"},
		{"ROLLCALL_GRAPH_URL=https://graph.example/v1.0", "a path"},
		{"ROLLCALL_GRAPH_URL=https://graph.example?x=1", "a path, a query"},
		{"ROLLCALL_GRAPH_URL=https://graph.example:0", "port"},
		{"ROLLCALL_GRAPH_URL=https://graph.example:70000", "port"},
		{"ROLLCALL_GRAPH_URL=https://a:hunter2@graph.example", "user name or password"},
		{"ROLLCALL_GRAPH_URL=https://hunter2%zz", "not a URL"},
		{"ROLLCALL_SELECT=displayname", `"displayName"`},
		{"ROLLCALL_SELECT=id,Manager", `"manager"`},
		{"ROLLCALL_SELECT=aboutMe", `"aboutMe"`},
		{"ROLLCALL_SELECT=shoeSize", `"shoeSize"`},
		{"ROLLCALL_SELECT=id?", "every user has an id"},
		{"ROLLCALL_SELECT=mail,mail?", "listed twice"},
		{"ROLLCALL_SELECT=mail,,id", "extra comma"},
		{"ROLLCALL_FILTER=a\nb", "control character"},
		{"ROLLCALL_PAGE_SIZE=0", "from 1 to 999"},
		{"ROLLCALL_PAGE_SIZE=1000", "from 1 to 999"},
		{"ROLLCALL_PAGE_SIZE=lots", "from 1 to 999"},
		{"ROLLCALL_COUNT_SLACK=500", "half a page, which is 499"},
		{"ROLLCALL_COUNT_SLACK=-1", "neither a percentage"},
		{"ROLLCALL_COUNT_SLACK=1.5", "neither a percentage"},
		{"ROLLCALL_COUNT_SLACK=101%", "neither a percentage"},
		{"ROLLCALL_COUNT_SLACK=NaN%", "neither a percentage"},
		{"ROLLCALL_COUNT_SLACK=%", "neither a percentage"},
		{"ROLLCALL_ALLOW_ANONYMOUS=yes please", "true or false"},
		{"ROLLCALL_JWT_ROLES=Users.Read.All,,x", "separated by commas"},
		{"ROLLCALL_JWT_ROLES=Users Read", "separated by commas"},
		{"ROLLCALL_JWT_ROLES=[Users.Read]", "separated by commas"},
		{"ROLLCALL_LOAD_BALANCER=users", "arn:aws:elasticloadbalancing"},
		{"ROLLCALL_LOAD_BALANCER=arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/users/50dc6c495c0c9188", "Application Load Balancer"},
		{"ROLLCALL_LOAD_BALANCER=arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/users/50dc6c495c0c9188", "Application Load Balancer"},
		{"ROLLCALL_RESPONSE=streaming", "buffered, or stream"},
		{"ROLLCALL_CREDENTIALS=hunter2", "no scheme; write secretsmanager:<ARN or name>, keyvault:https://<vault>.vault.azure.net/secrets/<name>, managed-identity:[<client id>], env: or file:<path>"},
		{`ROLLCALL_CREDENTIALS={"ClientSecret":"hunter2"}`, "unknown scheme"},
		{"ROLLCALL_CREDENTIALS=safe:hunter2", "unknown scheme safe:"},
		{"ROLLCALL_CREDENTIALS=secretsmanager:hunter2?label=x", `unknown parameter "label"`},
		{"ROLLCALL_SEAL_KEY=hunter2", "no scheme; write secretsmanager:<ARN or name>, keyvault:https://<vault>.vault.azure.net/secrets/<name> or file:<path>"},
		{"ROLLCALL_SEAL_KEY=hunter2:hunter2", "unknown scheme; write secretsmanager:<ARN or name>, keyvault:https://<vault>.vault.azure.net/secrets/<name> or file:<path>"},
		{"ROLLCALL_SEAL_KEY=env:", "env: keeps no text; write secretsmanager:<ARN or name>, keyvault:https://<vault>.vault.azure.net/secrets/<name> or file:<path>"},
		{"ROLLCALL_SEAL_KEY=env:hunter2", "write secretsmanager:<ARN or name>, keyvault:https://<vault>.vault.azure.net/secrets/<name> or file:<path>"},
		{"ROLLCALL_SEAL_KEY=managed-identity:", "managed-identity: keeps no text; write"},
		{"ROLLCALL_VAULT_DOMAIN=https://vault.azure.net", "write the domain alone"},
		{"ROLLCALL_VAULT_DOMAIN=net", "write the domain alone"},
		{"ROLLCALL_VAULT_DOMAIN=*.vault.azure.net", "write the domain alone"},
		{"ROLLCALL_SELEKT=id", "did you mean ROLLCALL_SELECT?"},
		{"ROLLCALL_PAGESIZE=5", "did you mean ROLLCALL_PAGE_SIZE?"},
		{"rollcall_filter=x", "did you mean ROLLCALL_FILTER?"},
		{"ROLLCALL_=x", "did you mean"},
		{"ROLLCALL_FILTER=@Microsoft.KeyVault(VaultName=v)", "Key Vault reference"},
		{"AZURE_CLIENT_SECRET= @microsoft.keyvault(SecretUri=https://v/secrets/s)", "Key Vault reference"},
		{"AZURE_AUTHORITY_HOST=https://login.microsoftonline.us/", "set ROLLCALL_CLOUD=usgov"},
		{"AZURE_AUTHORITY_HOST=https://login.chinacloudapi.cn", "another cloud than ROLLCALL_CLOUD, which is public; set ROLLCALL_CLOUD=china"},
		{"AZURE_AUTHORITY_HOST=https://Login.ChinaCloudAPI.cn:443/", "set ROLLCALL_CLOUD=china"},
		{"AZURE_AUTHORITY_HOST=https://login-us.microsoftonline.com", "set ROLLCALL_CLOUD=usgov"},
		{"AZURE_AUTHORITY_HOST=https://login.microsoftonline.de", "Germany"},
		{"ROLLCALL_LOGIN_URL=https://login.sovcloud-identity.fr", "set ROLLCALL_CLOUD=bleu"},
		{"ROLLCALL_LOGIN_URL=https://chinaeast.login.partner.microsoftonline.cn", "set ROLLCALL_CLOUD=china"},
		{"ROLLCALL_GRAPH_URL=https://dod-graph.microsoft.us", "set ROLLCALL_CLOUD=usgov-dod"},
		{"ROLLCALL_GRAPH_URL=https://graph.microsoft.de", "Germany"},
		{"ROLLCALL_LOGIN_URL=https://login.m\u0130crosoftonline.com", "plain ASCII"},
		{"ROLLCALL_LOGIN_URL=https://login.m%C4%B0crosoftonline.com", "plain ASCII"},
		{"ROLLCALL_GRAPH_URL=https://graph.microsoft.com.", "dot at its end"},
		{"ROLLCALL_GRAPH_URL=https://graph.microsoft.com:", "port"},
		{"ROLLCALL_GRAPH_URL=https://[fe80::1%25eth0]", "plain ASCII"},
	} {
		entry, want := row.entry, row.want
		_, err := config.Read([]string{entry})
		var e *config.Error
		if !errors.As(err, &e) || e.Name() != "Config.Invalid" {
			t.Errorf("%s: %v", entry, err)
			continue
		}
		variable, _, _ := strings.Cut(entry, "=")
		if len(e.Problems) != 1 || e.Problems[0].Variable != variable || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s: ... %s", entry, err, variable, want)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats the value: %v", entry, err)
		}
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	_, err := config.Read([]string{
		"ROLLCALL_PAGE_SIZE=0", "ROLLCALL_CLOUD=moon", "ROLLCALL_SELECT=mial,aboutMe,mail,mail", "ROLLCALL_SINKZ=x", "ROLLCALL_STATE=nowhere", "ROLLCALL_CREDENTIALS=safe:x",
		"AZURE_TENANT_ID=@Microsoft.KeyVault(x)",
	}, &further{})
	var e *config.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var got []string
	for _, p := range e.Problems {
		got = append(got, p.Variable)
	}
	want := []string{
		"AZURE_TENANT_ID", "ROLLCALL_CLOUD", "ROLLCALL_CREDENTIALS", "ROLLCALL_PAGE_SIZE",
		"ROLLCALL_SELECT", "ROLLCALL_SELECT", "ROLLCALL_SELECT", "ROLLCALL_SINKZ", "ROLLCALL_STATE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if lines := strings.Count(err.Error(), "\n"); lines != len(want) {
		t.Errorf("%d lines for %d problems: %v", lines, len(want), err)
	}
}

// further are variables that only some functions read.
type further struct {
	State place `env:"ROLLCALL_STATE" envDefault:"here"`
}

type place string

func (p *place) UnmarshalText(text []byte) error {
	if *p = place(text); *p == "nowhere" {
		return errors.New("no such store")
	}
	return nil
}

func TestExtraSettingsAreRead(t *testing.T) {
	for environ, want := range map[string]place{"": "here", "ROLLCALL_STATE= there": "there"} {
		var set further
		if _, err := config.Read([]string{environ}, &set); err != nil || set.State != want {
			t.Errorf("%q gives %q, %v", environ, set.State, err)
		}
	}
}

func TestAVariableWithAProblemIsReportedOnce(t *testing.T) {
	_, err := config.Read([]string{"ROLLCALL_STATE=nowhere"}, &further{}, &further{})
	var e *config.Error
	if !errors.As(err, &e) || len(e.Problems) != 1 {
		t.Errorf("%v", err)
	}
}

func TestVariablesOfOtherFunctionsAreKnown(t *testing.T) {
	for _, name := range config.ExtraVariables() {
		mustRead(t, name+"=anything")
	}
}

func TestTheProcessEnvironmentIsNotRead(t *testing.T) {
	t.Setenv("ROLLCALL_PAGE_SIZE", "7")
	if c := mustRead(t); c.PageSize != 999 {
		t.Errorf("page size %d came from the process", c.PageSize)
	}
	if c := mustRead(t, os.Environ()...); c.PageSize != 7 {
		t.Errorf("page size %d", c.PageSize)
	}
	if c := mustRead(t, "ROLLCALL_PAGE_SIZE=5", "ROLLCALL_PAGE_SIZE=6"); c.PageSize != 5 {
		t.Errorf("page size %d, but os.Getenv returns the first of two", c.PageSize)
	}
}

func TestOnAzureTheManagedIdentityStandsInForCredentials(t *testing.T) {
	for _, row := range []struct {
		environ []string
		want    string
	}{
		{nil, "managed-identity:"},
		{[]string{"ROLLCALL_CREDENTIALS= "}, "managed-identity:"},
		{[]string{"ROLLCALL_CREDENTIALS=env:", "PATH=/bin"}, "env:"},
	} {
		if c := mustRead(t, config.OnAzure(row.environ)...); c.Credentials.String() != row.want {
			t.Errorf("%q gives %s, want %s", row.environ, c.Credentials, row.want)
		}
	}
	if _, err := config.Read(config.OnAzure([]string{"ROLLCALL_CREDENTIALS=@Microsoft.KeyVault(VaultName=v)"})); err == nil {
		t.Error("a reference that was not resolved was replaced by the default")
	}
}

func TestAReferenceThatWasNotResolvedIsNamedWhicheverVariableItIsIn(t *testing.T) {
	variables := append(config.ExtraVariables(),
		"ROLLCALL_CREDENTIALS", "ROLLCALL_SEAL_KEY", "ROLLCALL_CLOUD", "ROLLCALL_LOGIN_URL", "ROLLCALL_GRAPH_URL", "ROLLCALL_VAULT_DOMAIN", "ROLLCALL_SELECT", "ROLLCALL_FILTER",
		"ROLLCALL_PAGE_SIZE", "ROLLCALL_COUNT_SLACK", "ROLLCALL_REQUIRE_VERIFIED", "ROLLCALL_ALLOW_ANONYMOUS", "ROLLCALL_JWT_ROLES", "ROLLCALL_LOAD_BALANCER", "ROLLCALL_RESPONSE", "ROLLCALL_PARALLEL",
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
		"AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY", "AZURE_TOKEN_CREDENTIALS", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "WEBSITE_HOSTNAME", "FUNCTIONS_CUSTOMHANDLER_PORT",
		"AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_LOG_LEVEL", "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE",
	)
	for _, variable := range variables {
		for _, value := range []string{
			"@Microsoft.KeyVault(SecretUri=https://people.vault.azure.net/secrets/hunter2/)", " @microsoft.keyvault(VaultName=people;SecretName=hunter2) ", "@Microsoft.KeyVault(",
		} {
			var more further
			_, err := config.Read([]string{variable + "=" + value}, &more)
			var e *config.Error
			if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].Variable != variable || !strings.Contains(err.Error(), "Key Vault reference") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s=%s: %v", variable, value, err)
			}
		}
	}
	if _, err := config.Read([]string{"APPLICATIONINSIGHTS_CONNECTION_STRING=@Microsoft.KeyVault(VaultName=v)", "ROLLCALL_FILTER=mail eq '@Microsoft.KeyVault('"}); err != nil {
		t.Errorf("a variable that nobody reads here, or another text: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "public", "https://host", "id,mail?", "0.05%", "12", "true", "env:", "@Microsoft.KeyVault(", "\x00", "a=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"CLOUD", "LOGIN_URL", "GRAPH_URL", "SELECT", "PAGE_SIZE", "COUNT_SLACK", "ALLOW_ANONYMOUS", "RESPONSE", "CREDENTIALS", "FILTER", value} {
			c, err := config.Read([]string{"ROLLCALL_" + name + "=" + value})
			if (c == nil) == (err == nil) {
				t.Fatalf("config %v and error %v", c, err)
			}
			if err != nil {
				continue
			}
			if c.PageSize < 1 || c.PageSize > 999 || len(c.Select) == 0 || !strings.HasPrefix(c.LoginURL, "https://") || c.CountSlack.Users > c.PageSize/2 {
				t.Fatalf("%s=%q was read as %v", name, value, c.LogValue())
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	environ := []string{"PATH=/bin", "ROLLCALL_CREDENTIALS=secretsmanager:rollcall/entra"}
	for b.Loop() {
		if _, err := config.Read(environ); err != nil {
			b.Fatal(err)
		}
	}
}
