package kms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// serviceID is how the SDK names KMS.
const serviceID = "KMS"

// client speaks the AWS JSON 1.1 protocol with KMS. The SDK's own would make every function
// larger by half a megabyte, for two operations.
type client struct {
	cfg    aws.Config
	at     string
	http   diagnosis.Client
	signer *v4.Signer
}

func newClient(cfg aws.Config, at string) *client {
	return &client{cfg, at, awsapi.Client(cfg.HTTPClient), v4.NewSigner()}
}

// call sends a request, and sends it again where the SDK would. Errors are those of the SDK.
func (c *client) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	loop := retry.Loop{Policy: retry.Policy{Attempts: 4, First: 200 * time.Millisecond, Last: 5 * time.Second, Budget: timeout}}
	for {
		err := c.send(ctx, operation, body, out)
		if err == nil || !awsapi.Of(serviceID, err).Retryable {
			return err
		}
		if loop.Again(ctx, err, 0, nil) != nil {
			return err
		}
	}
}

func (c *client) send(ctx context.Context, operation string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.at, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "TrentService."+operation)
	if c.cfg.Credentials == nil {
		return errors.New("there are no credentials")
	}
	by, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, by, req, hex.EncodeToString(sum[:]), "kms", c.cfg.Region, time.Now()); err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return refusal(resp, text)
	}
	return json.Unmarshal(text, out)
}

// refusal makes the SDK's error of an answer, whose code is in a header or in the body:
// NotFoundException, com.amazonaws.kms#NotFoundException, or either with :http://... behind.
func refusal(resp *http.Response, text []byte) error {
	var said struct {
		Type string `json:"__type"`
		Code string `json:"code"`
	}
	_ = json.Unmarshal(text, &said) // a proxy's answer has no code
	code := said.Type
	for _, other := range []string{said.Code, resp.Header.Get("X-Amzn-ErrorType")} {
		if code == "" {
			code = other
		}
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndexByte(code, '#')+1:]
	var err error = &smithy.GenericAPIError{Code: code}
	if code == "" {
		err = errors.New("the answer has no code")
	}
	return &awshttp.ResponseError{
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: err},
		RequestID:     resp.Header.Get("X-Amzn-Requestid"),
	}
}
