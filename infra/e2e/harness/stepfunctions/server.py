# moto_server, fixed where state machines within state machines need it, and where its IAM
# does not look closely enough.
import copy
import sys
import uuid

import boto3
from botocore.config import Config
from moto.settings import moto_server_port
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.sts.models import sts_backends


# A state machine makes its requests as its role, if that has been assumed.
def client_for(region, service, state_credentials=None):
    role = next((r for r in sts_backends[ACCOUNT]["aws"].assumed_roles if state_credentials and r.role_arn == state_credentials.role_arn), None)
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=f"http://localhost:{moto_server_port()}",
        aws_access_key_id=role.access_key_id if role else ROOT,
        aws_secret_access_key=role.secret_access_key if role else ROOT,
        aws_session_token=role.session_token if role else None,
        config=Config(parameter_validation=False, retries={"max_attempts": 0, "total_max_attempts": 1}, read_timeout=3600),
    )


# The account, and the key of its owner, to whom no policy applies.
ACCOUNT, ROOT = "123456789012", "e2e"

boto_client.boto_client_for = client_for  # before it is imported by its name

from moto.core.authorization import ActionAuthenticatorMixin  # noqa: E402
from moto.events.responses import EventsHandler  # noqa: E402
from moto.iam.access_control import IAMRequestBase, S3IAMRequest  # noqa: E402
from moto.secretsmanager.responses import SecretsManagerResponse  # noqa: E402
from moto.server import main  # noqa: E402
from moto.sns.responses import SNSResponse  # noqa: E402
from moto.stepfunctions.models import StateMachine  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E402
    StateTaskService,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend  # noqa: E402
from moto.stepfunctions.responses import StepFunctionResponse  # noqa: E402

# It copies a state machine for every execution, and with it the executions that
# there are, which cannot be copied: they hold threads and locks. So a second
# execution would fail. A copy that shares them is enough: nobody changes them.
StateMachine.__deepcopy__ = lambda machine, _: copy.copy(machine)


# It calls an execution without a name "None", each of them.
def start_execution(backend, state_machine_arn, name=None, *rest, **more):
    return start(backend, state_machine_arn, name or str(uuid.uuid4()), *rest, **more)


start = StepFunctionsParserBackend.start_execution
StepFunctionsParserBackend.start_execution = start_execution


# A state machine spells a service's parameters and results with a capital first,
# the API of Step Functions itself does not; moto leaves both as they are.
def spell_parameters(task, parameters, *_, **__):
    if task._get_boto_service_name() == "stepfunctions":
        for name in list(parameters):
            parameters[name[0].lower() + name[1:]] = parameters.pop(name)


def spell_result(task, response, *_, **__):
    if task._get_boto_service_name() == "stepfunctions":
        for name in list(response):
            value = response.pop(name)
            if name in ("itemCounts", "executionCounts"):
                spell_result(task, value)
            response[name[0].upper() + name[1:]] = value


StateTaskService._normalise_parameters = spell_parameters
StateTaskService._normalise_response = spell_result


# It finds out itself which queue and which object a request is about, and takes every other
# resource for "*".
def resource(*members):
    def determine(response):
        found = next((response._get_param(m) for m in members if response._get_param(m)), "*")
        return found[0]["EventBusName"] if isinstance(found, list) else found

    return determine


SecretsManagerResponse._determine_resource = resource("SecretId")
StepFunctionResponse._determine_resource = resource("stateMachineArn", "executionArn", "mapRunArn")
SNSResponse._determine_resource = resource("TopicArn")
EventsHandler._determine_resource = lambda r: f"arn:aws:events:{r.region}:{ACCOUNT}:event-bus/{resource('Entries')(r)}"


# The permission for several messages is that for one.
def begin(request, *rest, **more):
    begin_request(request, *rest, **more)
    request._action = request._action.removesuffix("Batch") if request._service == "sqs" else request._action


begin_request = IAMRequestBase.__init__
IAMRequestBase.__init__ = begin


# It takes the path of an object for the one that was signed, in which "=" is escaped.
S3IAMRequest.check_signature = lambda request: None


# Nobody's policies apply to the owner.
def authorize(response, *rest, **more):
    if f"Credential={ROOT}/" not in response.headers.get("Authorization", ""):
        authorize_request(response, *rest, **more)


authorize_request = ActionAuthenticatorMixin._authenticate_and_authorize_action
ActionAuthenticatorMixin._authenticate_and_authorize_action = authorize

sys.exit(main(sys.argv[1:]))
