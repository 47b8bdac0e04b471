package kms

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// endpoint returns the address of KMS in the region of a configuration. In every partition
// it is that of Secrets Manager with another first word, that of FIPS included, and the
// rules of that one are linked anyway. Dual-stack addresses follow no such rule:
// AWS_ENDPOINT_URL_KMS can name them.
func endpoint(ctx context.Context, cfg aws.Config) (string, error) {
	if own := configured(ctx, cfg); own != "" {
		return own, nil
	}
	similar := secretsmanager.NewFromConfig(cfg).Options()
	at, err := similar.EndpointResolverV2.ResolveEndpoint(ctx, secretsmanager.EndpointParameters{
		Region: &cfg.Region, UseFIPS: aws.Bool(similar.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
	})
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(at.URI.Host, "secretsmanager")
	if !ok {
		return "", errors.New("the address of KMS is not known")
	}
	return "https://kms" + rest, nil
}

// configured returns the address that AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL or a profile
// has, "" for none.
func configured(ctx context.Context, cfg aws.Config) string {
	if ignored, found, err := config.GetIgnoreConfiguredEndpoints(ctx, cfg.ConfigSources); err == nil && found && ignored {
		return ""
	}
	for _, source := range cfg.ConfigSources {
		named, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if own, found, err := named.GetServiceBaseEndpoint(ctx, serviceID); err == nil && found {
			return own
		}
	}
	return aws.ToString(cfg.BaseEndpoint)
}
