package credentials_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/kms"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// The program speaks with KMS without the SDK's client, so it is tried on a server that
// others wrote, as far as that goes: moto knows the key, and signs no digests.
func TestAKeyIsReadFromSomebodyElsesKMS(t *testing.T) {
	server := harness.Start(t, moto.Start)
	client := sdk.NewFromConfig(server.Config())
	made, err := client.CreateKey(t.Context(), &sdk.CreateKeyInput{KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeSignVerify})
	if err != nil {
		t.Fatal(err)
	}
	key, err := kms.New(*made.KeyMetadata.Arn, func(context.Context, string) (aws.Config, error) { return server.Config(), nil })
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("what is signed")
	signed, err := client.Sign(t.Context(), &sdk.SignInput{KeyId: made.KeyMetadata.Arn, Message: message, MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecRsassaPssSha256})
	digest := sha256.Sum256(message)
	if err != nil || rsa.VerifyPSS(public, crypto.SHA256, digest[:], signed.Signature, nil) != nil {
		t.Errorf("it is another key: %v", err)
	}
}

// And the simulated KMS, which the program's requests are tried on, answers the SDK's client.
func TestTheSimulatedKMSAnswersTheSDK(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	arn, err := tenant.AddSigningKey("RSA_2048")
	if err != nil {
		t.Fatal(err)
	}
	cfg := cloud.Config("https://kms.example", "e2e", "e2e")
	cfg.HTTPClient = &http.Client{Transport: tenant.Transport()}
	digest := sha256.Sum256([]byte("what is signed"))
	signed, err := sdk.NewFromConfig(cfg).Sign(t.Context(), &sdk.SignInput{KeyId: &arn, Message: digest[:], MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecRsassaPssSha256})
	if err != nil {
		t.Fatal(err)
	}
	key, err := kms.New(arn, func(context.Context, string) (aws.Config, error) { return cfg, nil })
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public(t.Context())
	if err != nil || rsa.VerifyPSS(public, crypto.SHA256, digest[:], signed.Signature, nil) != nil {
		t.Errorf("%v", err)
	}
	mine, err := key.SignPSS(t.Context(), digest[:])
	if err != nil || rsa.VerifyPSS(public, crypto.SHA256, digest[:], mine, nil) != nil {
		t.Errorf("%v", err)
	}
}
