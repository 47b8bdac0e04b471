package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
)

// Account is what the account knows and a request does not say.
type Account struct {
	// Keys are the customer managed keys, each by the ARN of what it encrypts: a bucket, a
	// topic, a secret.
	Keys map[string]string
}

// asked is what a request takes: first the permission that it is named for, then those
// that come with it.
type asked []Call

func (a *Account) asked(service string, r *http.Request, body []byte) (asked, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch service {
	case "s3":
		return a.ofS3(r)
	case "sns", "sts":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		return a.ofForm(service, form)
	case "lambda":
		function, err := url.PathUnescape(strings.Split(r.URL.EscapedPath(), "/")[3])
		if err == nil && !strings.HasPrefix(function, "arn:") {
			function = arn("lambda", "function:"+function)
		}
		return asked{{Action: "lambda:InvokeFunction", Resource: function}}, err
	}
	var in members
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	return a.ofJSON(service, operation, in)
}

// members are those of requests in JSON that say what they are about.
type members struct {
	SecretID         string `json:"SecretId"`
	KeyID            string `json:"KeyId"`
	SigningAlgorithm string
	MessageType      string
	QueueURL         string `json:"QueueUrl"`
	StateMachineArn  string
	ExecutionArn     string
	MapRunArn        string
	Entries          []struct{ EventBusName string }
}

func (a *Account) ofJSON(service, operation string, in members) (asked, error) {
	one := Call{Action: service + ":" + operation}
	switch service {
	case "secretsmanager":
		one.Resource = in.SecretID
		key, context := a.Keys[in.SecretID], map[string][]string{"kms:EncryptionContext:SecretARN": {in.SecretID}}
		switch operation {
		case "GetSecretValue":
			return append(asked{one}, through("secretsmanager", key, context, "kms:Decrypt")...), nil
		case "PutSecretValue":
			return append(asked{one}, through("secretsmanager", key, context, "kms:GenerateDataKey", "kms:Decrypt")...), nil
		}
	case "kms":
		one.Resource = in.KeyID
		one.Context = map[string][]string{"kms:SigningAlgorithm": {in.SigningAlgorithm}, "kms:MessageType": {in.MessageType}}
	case "sqs":
		one.Action = strings.TrimSuffix(one.Action, "Batch")
		one.Resource = arn("sqs", in.QueueURL[strings.LastIndexByte(in.QueueURL, '/')+1:])
	case "states":
		one.Resource = in.StateMachineArn + in.ExecutionArn + in.MapRunArn // of which a request has one
	case "events":
		var all asked
		for _, entry := range in.Entries {
			bus := arn("events", "event-bus/"+entry.EventBusName)
			if !slices.ContainsFunc(all, func(c Call) bool { return c.Resource == bus }) {
				all = append(all, Call{Action: one.Action, Resource: bus})
			}
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("%s names no bus", one.Action)
		}
		return all, nil
	default:
		return nil, fmt.Errorf("this package does not know what %s:%s takes", service, operation)
	}
	return asked{one}, nil
}

func (a *Account) ofForm(service string, form url.Values) (asked, error) {
	one := Call{Action: service + ":" + form.Get("Action")}
	switch one.Action {
	case "sns:Publish":
		one.Resource = form.Get("TopicArn")
		return append(asked{one}, through("sns", a.Keys[one.Resource], nil, "kms:GenerateDataKey", "kms:Decrypt")...), nil
	case "sts:GetWebIdentityToken":
		one.Resource = "*"
		one.Context = map[string][]string{"sts:SigningAlgorithm": {form.Get("SigningAlgorithm")}, "sts:DurationSeconds": {form.Get("DurationSeconds")}}
		for name, values := range form {
			if strings.HasPrefix(name, "Audience.member.") {
				one.Context["sts:IdentityTokenAudience"] = append(one.Context["sts:IdentityTokenAudience"], values...)
			}
		}
		return asked{one}, nil
	}
	return nil, fmt.Errorf("this package does not know what %s takes", one.Action)
}

// ofS3 follows "Required permissions for Amazon S3 API operations" and, for the key,
// "Protecting data with SSE-KMS": a multipart upload decrypts its parts.
func (a *Account) ofS3(r *http.Request) (asked, error) {
	bucket, key := object(r)
	resource := "arn:aws:s3:::" + bucket
	if key == "" {
		if r.Method != http.MethodGet || !r.URL.Query().Has("list-type") {
			return nil, fmt.Errorf("this package does not know what %s %s takes", r.Method, r.URL)
		}
		return asked{overTLS("s3:ListBucket", resource)}, nil
	}
	encrypt := func(actions ...string) asked {
		return through("s3", a.Keys[resource], map[string][]string{"kms:EncryptionContext:aws:s3:arn": {resource}}, actions...)
	}
	of := func(action string) asked { return asked{overTLS(action, resource+"/"+key)} }
	query, tags := r.URL.Query(), asked{}
	if r.Header.Get("X-Amz-Tagging") != "" {
		tags = of("s3:PutObjectTagging")
	}
	switch {
	case query.Has("tagging") && r.Method == http.MethodPut:
		return of("s3:PutObjectTagging"), nil
	case query.Has("uploadId") && r.Method == http.MethodGet:
		return of("s3:ListMultipartUploadParts"), nil
	case query.Has("uploadId") && r.Method == http.MethodDelete:
		return of("s3:AbortMultipartUpload"), nil
	case query.Has("uploadId"): // a part, and the end
		return append(of("s3:PutObject"), encrypt("kms:Decrypt")...), nil
	case r.Method == http.MethodGet:
		return append(of("s3:GetObject"), encrypt("kms:Decrypt")...), nil
	case r.Method == http.MethodHead:
		return of("s3:GetObject"), nil
	case r.Method == http.MethodPut, r.Method == http.MethodPost && query.Has("uploads"):
		return slices.Concat(of("s3:PutObject"), tags, encrypt("kms:GenerateDataKey")), nil
	case r.Method == http.MethodDelete:
		return of("s3:DeleteObject"), nil
	}
	return nil, fmt.Errorf("this package does not know what %s %s takes", r.Method, r.URL)
}

// missing is what makes S3 answer 404 of an object that is not there, and not 403.
func missing(r *http.Request) Call {
	bucket, _ := object(r)
	return overTLS("s3:ListBucket", "arn:aws:s3:::"+bucket)
}

// object is what a request is about; its bucket is in the host or in the path.
func object(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	host, _, _ := strings.Cut(r.Host, ":")
	if bucket, virtual := strings.CutSuffix(host, ".localhost"); virtual {
		return bucket, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

func overTLS(action, resource string) Call {
	return Call{action, resource, map[string][]string{"aws:SecureTransport": {"true"}, "s3:TlsVersion": {"1.3"}}}
}

// through is what a service does with a key for somebody, nothing if there is no key.
func through(service, key string, context map[string][]string, actions ...string) asked {
	if key == "" {
		return nil
	}
	var all asked
	for _, action := range actions {
		c := Call{action, key, map[string][]string{"kms:ViaService": {service + "." + strings.Split(key, ":")[3] + ".amazonaws.com"}}}
		for name, values := range context {
			c.Context[name] = values
		}
		all = append(all, c)
	}
	return all
}

func arn(service, name string) string {
	return "arn:aws:" + service + ":" + cloud.Region + ":" + cloud.Account + ":" + name
}

// principal is whose key signed a request, and for which service.
func principal(r *http.Request) (key, service string, err error) {
	_, scope, found := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	parts := strings.Split(scope, "/")
	if !found || len(parts) < 5 {
		return "", "", errors.New("a request is not signed")
	}
	return parts[0], parts[3], nil
}
