package vault

import "fmt"

// BeginRotation does what RotateSecret does before the rotation function is invoked: it
// turns rotation on, every so many days, and makes a version without a value that is
// AWSPENDING. It returns the ARN of the secret and the id of that version, which the function
// gets as SecretId and ClientRequestToken.
func (m *SecretsManager) BeginRotation(name string, days int) (arn, token string, err error) {
	err = m.change(name, func(s *secret) {
		if v := s.byStage(pending); v != nil && v != s.byStage(current) {
			return
		}
		token = m.newID()
		s.rotates, s.days = true, days
		s.add(&version{id: token}, pending)
	})
	if err == nil && token == "" {
		err = fmt.Errorf("a rotation of the secret %q is in progress", name)
	}
	return ARN(name), token, err
}

// CancelRotation turns rotation off.
func (m *SecretsManager) CancelRotation(name string) error {
	return m.change(name, func(s *secret) { s.rotates = false })
}

// Fill gives the version with an id a text.
func (m *SecretsManager) Fill(name, id, text string) error {
	return m.change(name, func(s *secret) {
		if v := s.byID(id); v != nil {
			v.text = &text
		}
	})
}

// Label moves a label to the version with an id, or removes it where that is "".
func (m *SecretsManager) Label(name, label, id string) {
	_ = m.change(name, func(s *secret) { s.label(label, s.byID(id)) })
}

// Value is the text of the version with a label, "" for none.
func (m *SecretsManager) Value(name, stage string) (text string) {
	_ = m.change(name, func(s *secret) {
		if v := s.byStage(stage); v != nil && v.text != nil {
			text = *v.text
		}
	})
	return text
}

// Stages are the labels of a secret's versions by id.
func (m *SecretsManager) Stages(name string) (all map[string][]string) {
	_ = m.change(name, func(s *secret) { all = s.stages() })
	return all
}

func describeSecret(s *secret, in *request) (map[string]any, *refusal) {
	answer := in.named()
	answer["VersionIdsToStages"] = s.stages()
	if s.days > 0 {
		answer["RotationEnabled"] = s.rotates
		answer["RotationRules"] = map[string]any{"AutomaticallyAfterDays": s.days}
	}
	return answer, nil
}

func (m *SecretsManager) putSecretValue(s *secret, in *request) (map[string]any, *refusal) {
	if (in.Text == nil) == (in.Binary == nil) {
		return nil, &refusal{400, "InvalidRequestException", "You must provide either SecretString or SecretBinary."}
	}
	if in.Token == "" {
		in.Token = m.newID()
	}
	if len(in.Stages) == 0 {
		in.Stages = []string{current}
	}
	given := &version{id: in.Token, text: in.Text, binary: in.Binary}
	v := s.byID(in.Token)
	switch {
	case v == nil:
		v = given
		s.add(v, in.Stages...)
	case v.empty():
		v.text, v.binary = in.Text, in.Binary
		for _, stage := range in.Stages {
			s.label(stage, v)
		}
	case !v.same(given):
		return nil, &refusal{400, "ResourceExistsException", "You can't use ClientRequestToken " + in.Token + " because that value is already in use for a version of secret " + ARN(in.name) + "."}
	}
	answer := in.named()
	answer["VersionId"], answer["VersionStages"] = v.id, v.stages
	return answer, nil
}

func updateSecretVersionStage(s *secret, in *request) (map[string]any, *refusal) {
	holder, to := s.byStage(in.Stage), s.byID(in.To)
	invalid := func(message string) (map[string]any, *refusal) {
		return nil, &refusal{400, "InvalidParameterException", message}
	}
	switch {
	case in.Stage == "":
		return invalid("You must provide a VersionStage.")
	case in.To != "" && to == nil:
		return invalid("The parameter MoveToVersionId must name a version of the secret.")
	case holder != nil && holder != to && holder.id != in.From:
		return invalid("The parameter RemoveFromVersionId can't be empty. Staging label " + in.Stage + " is currently attached to version " + holder.id + ", so you must explicitly reference that version in RemoveFromVersionId.")
	case holder == nil && in.From != "", holder != nil && in.From != "" && holder.id != in.From:
		return invalid("The parameter RemoveFromVersionId is not valid: the staging label " + in.Stage + " is not attached to that version.")
	case in.Stage == current && (to == nil || to.empty()):
		return nil, &refusal{400, "InvalidRequestException", "The staging label AWSCURRENT has to be on a version that has a value."}
	}
	s.label(in.Stage, to)
	return in.named(), nil
}
