// Package webidentity has AWS vouch for whoever runs this program, by a token that other
// services verify (IAM outbound identity federation). It shares the
// errors and the AWS configuration of package secret.
package webidentity

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	// timeout bounds one call, the SDK's own retries included.
	timeout = 15 * time.Second
	// algorithm is the only one that Entra ID takes from other issuers.
	algorithm = "RS256"
	// lifetime is how long a token lives, in seconds: it is used at once.
	lifetime = 300
)

// Source gets tokens for one audience. It is safe for concurrent use. Make one with [New].
type Source struct {
	audience string
	load     secret.LoadAWS

	mu     sync.Mutex
	client *sts.Client
}

// New returns a source of tokens for an audience. Nothing is asked yet. load defaults to the
// AWS SDK's own.
func New(audience string, load secret.LoadAWS) *Source {
	return &Source{audience: audience, load: load}
}

// Token returns a JSON Web Token about the principal that runs this program, which lives
// five minutes. The error is a *[secret.Error], or wraps context.Canceled.
func (s *Source) Token(ctx context.Context) (secret.Text, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := s.connect(ctx)
	if err != nil {
		return secret.Text{}, err
	}
	out, err := client.GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{
		Audience: []string{s.audience}, SigningAlgorithm: aws.String(algorithm), DurationSeconds: aws.Int32(lifetime),
	})
	if err != nil {
		return secret.Text{}, s.service().Explain(err)
	}
	return secret.NewText(aws.ToString(out.WebIdentityToken)), nil
}

// connect makes the client. A configuration that did not load is tried again the next time.
func (s *Source) connect(ctx context.Context) (*sts.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	cfg, err := s.service().Configure(ctx, s.load, "", ": the global endpoint of STS gives no tokens for other services")
	if err != nil {
		return nil, err
	}
	client := sts.NewFromConfig(cfg, func(o *sts.Options) { o.HTTPClient = awsapi.Client(o.HTTPClient) })
	if err := s.service().CheckEndpoint(client.Options().BaseEndpoint); err != nil {
		return nil, err
	}
	s.client = client
	return client, nil
}

// service is the Security Token Service as errors tell of it.
func (s *Source) service() *secret.AWS {
	return &secret.AWS{ID: sts.ServiceID, Name: "the AWS Security Token Service", Variable: "AWS_ENDPOINT_URL_STS", Purpose: "ask for a web identity token", Refused: s.refused}
}

// refused follows the errors of GetWebIdentityToken.
func (s *Source) refused(code string) *secret.Error {
	switch code {
	case "OutboundWebIdentityFederationDisabledException", "OutboundWebIdentityFederationDisabled":
		return &secret.Error{
			Kind: secret.Forbidden, Problem: "this AWS account does not vouch for its roles to other services",
			Advice: "have an administrator switch it on once for the account: aws iam enable-outbound-web-identity-federation (its answer is the issuer to register in Entra ID)",
		}
	case "AccessDenied", "AccessDeniedException":
		return &secret.Error{
			Kind: secret.Forbidden, Problem: "this role may not ask for a web identity token",
			Advice: `allow it: {"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*","Condition":{"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":"` + s.audience +
				`"},"Null":{"sts:IdentityTokenAudience":"false"},"StringEquals":{"sts:SigningAlgorithm":"` + algorithm + `"},"NumericLessThanEquals":{"sts:DurationSeconds":"300"}}}`,
		}
	case "InvalidAction":
		return &secret.Error{
			Kind: secret.Forbidden, Problem: "what answers as the Security Token Service gives no web identity tokens",
			Advice: "use an endpoint of a region: set AWS_REGION, and remove AWS_ENDPOINT_URL_STS",
		}
	case "JWTPayloadSizeExceededException":
		return &secret.Error{Kind: secret.Forbidden, Problem: "the tags of the role make its web identity token too large", Advice: "remove principal tags from the role"}
	case "SessionDurationEscalationException":
		return &secret.Error{Kind: secret.Forbidden, Problem: "the session of the role ends before a web identity token would", Advice: "sign in to AWS again"}
	}
	return nil
}
