"""What has to hold of the deployed template: functions from the template to what is wrong with it.

Each gives sentences that name the resource, and none if all is well. A template is the parsed YAML,
with CloudFormation's functions in their long form: ``{"Fn::GetAtt": ["Role", "Arn"]}``.
"""

import ast
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rotation.rules.message import console_url
from tools.asl.definition import Definition, places

Template = dict[str, Any]

FUNCTION = "AWS::Serverless::Function"
TRACES = "traces have no resource"
LOG_DELIVERY = "log delivery has no resource (Step Functions guide, Logging to CloudWatch Logs)"
NETWORK = "a function in a VPC (Lambda guide, Giving Lambda functions access to a VPC)"
OWN_LOGS = "the function's own lines (Lambda guide, Defining permissions with an execution role)"
#: What AWS's services ask for with a role, and no code of ours: no recorded run has it. By whom.
BY_AWS: dict[str, dict[str, str]] = {
    "a function": {
        **dict.fromkeys(("logs:CreateLogStream", "logs:PutLogEvents"), OWN_LOGS),
        **dict.fromkeys(("xray:PutTraceSegments", "xray:PutTelemetryRecords"), TRACES),
    },
    "a function in a VPC": dict.fromkeys(
        (
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ),
        NETWORK,
    ),
    "the machine": {
        **dict.fromkeys(
            (
                "xray:PutTraceSegments",
                "xray:PutTelemetryRecords",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
            ),
            TRACES,
        ),
        **dict.fromkeys(
            (
                "logs:CreateLogDelivery",
                "logs:GetLogDelivery",
                "logs:UpdateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ),
            LOG_DELIVERY,
        ),
    },
}
#: Why these actions are allowed on all resources. The source is the Service Authorization
#: Reference, where an action that has no resource types takes no other resource than "*".
ON_ANY_RESOURCE = {
    "secretsmanager:GetRandomPassword": "it reads no secret",
    "secretsmanager:ListSecrets": "it tells no value",
    **{action: why for by in BY_AWS.values() for action, why in by.items() if why != OWN_LOGS},
}
#: Who writes what. After a failure nobody writes to the user.
WRITERS = {
    "elasticache:ModifyUser": {"ModifyUserRole"},
    "secretsmanager:PutSecretValue": {"GeneratePasswordRole", "RotateSecretRole"},
    "secretsmanager:UpdateSecretVersionStage": {
        "CloseRotationRole",
        "GeneratePasswordRole",
        "PromoteVersionRole",
        "RotateSecretRole",
    },
}
#: Parameters that belong together, and which of them can be given: "x" is one that is.
TOGETHER: dict[tuple[str, ...], set[tuple[str, ...]]] = {
    ("SecretArn", "UserArn", "UserName"): {("", "", ""), ("x", "x", "x")},
    ("SubnetIds", "SecurityGroupIds", "SecretsManagerEndpoint"): {
        *(("", "", ""), ("", "x", "")),
        *(("x", "x", ""), ("x", "x", "x")),
    },
    ("SubnetIds", "SecurityGroupIds", "AllFunctionsInVpc", "Ipv6AllowedForDualStack"): {
        *(("", "", "", ""), ("", "x", "", "")),
        *(("x", "x", "", ""), ("x", "x", "x", ""), ("x", "x", "", "x"), ("x", "x", "x", "x")),
    },
}
#: What a parameter has that is given where it cannot be "x", and where it is not.
SWITCH = {"x": "true", "": "false"}
#: Which functions are in the VPC, and with which parameters.
IN_VPC: dict[str, dict[str, str]] = {
    "none": {},
    "those that log in": {"SubnetIds": "x", "SecurityGroupIds": "x"},
    "all": {"SubnetIds": "x", "SecurityGroupIds": "x", "AllFunctionsInVpc": "true"},
}
LOG_IN = {"CheckEndpointFunction", "LogInFunction", "LogInWithCurrentFunction"}
#: How many characters a name may have, by the API references of CreateStateMachine, CreateLogGroup
#: and PublishLayerVersion, and by CloudFormation's (AWS::CloudWatch::Dashboard; CreateStack).
NAME_LIMITS = {
    "AWS::Serverless::StateMachine.Name": 80,
    "AWS::Logs::LogGroup.LogGroupName": 512,
    "AWS::Serverless::LayerVersion.LayerName": 140,
    "AWS::CloudWatch::Dashboard.DashboardName": 255,
}
STACK_NAME = 128
LONGEST_REGION = "ap-southeast-1"
#: Metrics of AWS: the dimension that tells whose they are, and their names (Step Functions guide,
#: "Monitoring Step Functions metrics using Amazon CloudWatch"; Lambda guide, "Types of metrics").
AWS_METRICS: dict[str, tuple[str, set[str]]] = {
    "AWS/States": (
        "StateMachineArn",
        {
            "ExecutionTime",
            "ExecutionThrottled",
            "ExecutionsAborted",
            "ExecutionsFailed",
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsTimedOut",
        },
    ),
    "AWS/Lambda": ("FunctionName", {"Duration", "Errors", "Invocations", "Throttles"}),
}
#: Whose a metric is: this stack's.
OWNERS = tuple(
    {"Ref": name} for name in ("RotationStateMachine", "RotateSecretFunction", "AWS::StackName")
)
#: Of our metrics, beside the service.
METRIC_DIMENSIONS = {"Logins": {"outcome"}, "FailedRotations": {"clients"}}
NAMESPACE = "ElastiCacheRotation"
#: Of a dashboard (CloudWatch API reference, "Dashboard body structure and syntax").
COLUMNS = 24
NO_VALUE = {"Ref": "AWS::NoValue"}
TOPIC = {"Fn::If": ["HasTopic", [{"Ref": "NotificationTopicArn"}], {"Ref": "AWS::NoValue"}]}
#: What is deployed only where its parameter asks for it.
SWITCHED = {
    "Alarms": ("false", "true"),
    "Dashboard": ("false", "true"),
    "NotificationTopicArn": ("", "arn:aws:sns:us-east-1:123456789012:on-call"),
    "OverdueCheck": ("false", "true"),
}
#: An endpoint in a VPC has private addresses: no function outside of the VPC could reach it.
IN_VPC_ONLY = "SECRETS_MANAGER_ENDPOINT"
#: Read by a library, not by functions/.
LIBRARY_PREFIX = "POWERTOOLS_"
#: What a handler could read and has no use for.
NOT_NEEDED = {("report_rotation", "STATE_MACHINE_ARN"): "it reads the history by execution ARN"}


def functions(template: Template) -> dict[str, dict[str, Any]]:
    """The properties of each function by its logical id, with what Globals gives them all."""
    shared = template.get("Globals", {}).get("Function", {})
    found = {}
    for name, properties in _of_type(template, FUNCTION):
        variables = [
            each.get("Environment", {}).get("Variables", {}) for each in (shared, properties)
        ]
        environment = {"Environment": {"Variables": {**variables[0], **variables[1]}}}
        found[name] = {**shared, **properties, **environment}
    return found


def parameters(template: Template) -> list[str]:
    """Every parameter has a Description and a label, and is in exactly one group of the form."""
    form = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in form["ParameterGroups"] for name in group["Parameters"]]
    found = []
    for name, parameter in template["Parameters"].items():
        if not parameter.get("Description"):
            found.append(f"{name} has no Description")
        if not form["ParameterLabels"].get(name, {}).get("default"):
            found.append(f"{name} has no label")
        if grouped.count(name) != 1:
            found.append(f"{name} is in {grouped.count(name)} groups")
        if f'"Ref": "{name}"' not in _text(template) and f"${{{name}}}" not in _text(template):
            found.append(f"{name} is not used")
    unknown = {*grouped, *form["ParameterLabels"]} - {*template["Parameters"]}
    return found + [f"{name} is in the form and is no parameter" for name in sorted(unknown)]


def rules(template: Template) -> list[str]:
    """What needs another parameter is refused without it, before anything is deployed."""
    found = []
    for together, sound in TOGETHER.items():
        for given in itertools.product(("", "x"), repeat=len(together)):
            values = {
                name: SWITCH[value] if "AllowedValues" in template["Parameters"][name] else value
                for name, value in zip(together, given, strict=True)
            }
            values = {**_defaults(template), **values}
            accepted = all(
                not _holds(rule["RuleCondition"], values)
                or all(_holds(each["Assert"], values) for each in rule["Assertions"])
                for rule in template.get("Rules", {}).values()
            )
            if accepted != (given in sound):
                shown = [name for name, value in zip(together, given, strict=True) if value]
                found.append(f"{shown} is {'accepted' if accepted else 'refused'}")
    return found


def names(template: Template) -> list[str]:
    """The template's description says how long a stack's name may be; see `longest_stack_name`."""
    try:
        length = longest_stack_name(template)
    except KeyError as error:
        return [f"nobody knows how long {error.args[0]} may be"]
    said = f"The stack's name may have {length} characters"
    return [] if said in template["Description"] else [f'the description does not say "{said}"']


def longest_stack_name(template: Template) -> int:
    """In characters. Names that CloudFormation gives by itself, to roles and such, it shortens.

    Raises:
        KeyError: of a name with the stack's in it whose limit NAME_LIMITS does not have.
    """
    longest = [STACK_NAME]
    for resource in template["Resources"].values():
        for name, value in resource.get("Properties", {}).items():
            if name.endswith("Name") and "${AWS::StackName}" in str(value):
                rest = value["Fn::Sub"].replace("${AWS::StackName}", "")
                rest = rest.replace("${AWS::Region}", LONGEST_REGION)
                longest.append(NAME_LIMITS[f"{resource['Type']}.{name}"] - len(rest))
    return min(longest)


def consoles(template: Template, partitions: Mapping[str, str]) -> list[str]:
    """The dashboard is there in each partition, and leads to the console that messages lead to.

    ``partitions`` has a region of each.
    """
    found = []
    body = template["Resources"]["RotationDashboard"]["Properties"]["DashboardBody"]
    for partition, region in partitions.items():
        values = {"AWS::Partition": partition, "AWS::Region": region}
        text = _resolved(body, template, {**_defaults(template), **values})
        there = console_url(f"arn:{partition}:states:{region}:1:execution:a:b").split("/states/")[0]
        if f"]({there}/" not in text:
            found.append(f"the dashboard in {partition} does not lead to {there}")
    return found


def runtimes(template: Template) -> list[str]:
    """All functions, and their layer, are for Python 3.13 on arm64, and are built for it."""
    found = [
        f"{name} is not python3.13 on arm64"
        for name, function in functions(template).items()
        if (function.get("Runtime"), function.get("Architectures")) != ("python3.13", ["arm64"])
    ]
    for name, layer in _of_type(template, "AWS::Serverless::LayerVersion"):
        made_for = layer.get("CompatibleRuntimes"), layer.get("CompatibleArchitectures")
        if made_for != (["python3.13"], ["arm64"]):
            found.append(f"{name} is not for python3.13 on arm64")
        if template["Resources"][name]["Metadata"].get("BuildArchitecture") != "arm64":
            found.append(f"{name} is not built for arm64")
    return found


def timeouts(template: Template, definition: Definition) -> list[str]:
    """A function ends before its state gives it up; the rotation Lambda runs as long as can be.

    An invocation that outlived its state could write after the run has been closed.
    """
    found = []
    all_functions = functions(template)
    for place in places(definition, "Task"):
        name = f"{place.handler.replace(' ', '')}Function"
        timeout = all_functions.get(name, {}).get("Timeout", 0)
        if not 0 < timeout < place.state["TimeoutSeconds"]:
            found.append(f"{name} times out after {timeout} s, before its state {place.name}")
        late = all_functions["GeneratePasswordFunction"]["Environment"]["Variables"]
        if timeout >= int(late["LATE_FUNCTION_SECONDS"]):
            found.append(f"{name} may be at work after LATE_FUNCTION_SECONDS")
    # ElastiCache guide, User-Secrets-Manager: at least 12 minutes. Lambda's limit is 15.
    if all_functions["RotateSecretFunction"].get("Timeout") != 900:
        found.append("RotateSecretFunction does not have a Timeout of 900")
    return found


def roles(template: Template) -> list[str]:
    """Each function, and the machine, has a role of its own."""
    owner: dict[str, str] = {}
    found = []
    machines = dict(_of_type(template, "AWS::Serverless::StateMachine"))
    for name, properties in {**functions(template), **machines}.items():
        match properties.get("Role"):
            case {"Fn::GetAtt": [str(role), "Arn"]} if role in template["Resources"]:
                if role in owner:
                    found.append(f"{name} has the role of {owner[role]}")
                owner[role] = name
            case _:
                found.append(f"{name} has no role of this template")
    unused = {name for name, _ in _of_type(template, "AWS::IAM::Role")} - {*owner}
    return found + [f"{name} is nobody's" for name in sorted(unused)]


def actions(template: Template) -> list[str]:
    """No statement allows a wildcard of actions, nor more than listed on all resources."""
    found = []
    for name, statement in statements(template):
        if statement["Effect"] != "Allow" or "NotAction" in statement or "NotResource" in statement:
            found.append(f"{name} has a statement that says what is not allowed")
        for action in _leaves(statement.get("Action", [])):
            if "*" in action:
                found.append(f"{name} allows {action}")
            if "*" in _leaves(statement.get("Resource")) and action not in ON_ANY_RESOURCE:
                found.append(f'{name} allows {action} on "*"')
    return found


def writers(template: Template) -> list[str]:
    """What writes to a user or a secret is allowed to those whose work it is, and to them alone."""
    may = {
        action: {
            name
            for name, statement in statements(template)
            if action in _leaves(statement.get("Action", []))
        }
        for action in WRITERS
    }
    return [
        *(f"{name} may {action}" for action in WRITERS for name in may[action] - WRITERS[action]),
        *(
            f"{name} may not {action}"
            for action in WRITERS
            for name in WRITERS[action] - may[action]
        ),
    ]


def managed_policies(template: Template) -> list[str]:
    """A role has none of AWS's own policies, which AWS may widen."""
    return [
        f"{name} has the policy {leaf}"
        for name, role in _of_type(template, "AWS::IAM::Role")
        for leaf in _leaves(role.get("ManagedPolicyArns", []))
        if ":policy/" in leaf
    ]


def asked_by_aws(template: Template) -> list[str]:
    """Each role allows what AWS's services ask for with it, no less and no more."""
    worlds = (chosen(template, given) for given in IN_VPC.values())
    return sorted({wrong for world in worlds for wrong in _asked_by_aws(world)})


def _asked_by_aws(template: Template) -> list[str]:
    found = []
    services = ("logs", "xray", "ec2")
    machines = dict(_of_type(template, "AWS::Serverless::StateMachine"))
    for name, properties in {**functions(template), **machines}.items():
        wanted = {*BY_AWS["the machine" if name in machines else "a function"]}
        if "VpcConfig" in properties:
            wanted |= {*BY_AWS["a function in a VPC"]}
        role = properties.get("Role", {}).get("Fn::GetAtt", [""])[0]
        attached = [
            leaf
            for leaf in _leaves(template["Resources"].get(role, {}).get("Properties", {}))
            if template["Resources"].get(leaf, {}).get("Type") == "AWS::IAM::ManagedPolicy"
        ]
        allowed = {
            action
            for holder, statement in statements(template)
            if holder in (role, *attached) and statement.get("Resource")
            for action in _leaves(statement["Action"])
            if action.split(":")[0] in services
        }
        found += [f"{name} may not {action}" for action in sorted(wanted - allowed)]
        found += [f"{name} may {action}, unasked" for action in sorted(allowed - wanted)]
    return found


def network(template: Template) -> list[str]:
    """Those functions are in the subnets that should be, with IPv6 where it is asked for."""
    found = []
    config: dict[str, Any] = {name: {"Ref": name} for name in ("SubnetIds", "SecurityGroupIds")}
    for (which, given), ipv6 in itertools.product(IN_VPC.items(), (False, True)):
        deployed = chosen(template, {**given, "Ipv6AllowedForDualStack": str(ipv6).lower()})
        for name, function in functions(deployed).items():
            wanted = which == "all" or (which == "those that log in" and name in LOG_IN)
            there = {**config, "Ipv6AllowedForDualStack": ipv6} if wanted else None
            if function.get("VpcConfig") != there:
                found.append(f"{name} is {'not ' * wanted}in the VPC with {which}, IPv6 {ipv6}")
    return found


def boundaries(template: Template) -> list[str]:
    """Each role has the stack's path and boundary; a managed policy, the path.

    ``template`` is what CloudFormation gets, with the roles that SAM makes.
    """
    found = []
    for boundary in ("", "x"):
        deployed = chosen(template, {"PermissionsBoundaryArn": boundary})
        wanted = {"Ref": "PermissionsBoundaryArn"} if boundary else None
        for name, role in _of_type(deployed, "AWS::IAM::Role"):
            if role.get("PermissionsBoundary") != wanted:
                found.append(f"{name} has not the boundary {boundary!r}")
    for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
        for name, properties in _of_type(template, kind):
            if properties.get("Path") != {"Ref": "RolePath"}:
                found.append(f"{name} is not in the path")
    return found


def trust(template: Template) -> list[str]:
    """A function's role is for Lambda alone, the machine's for this account's Step Functions."""
    found = []
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    for name, properties in [
        *functions(template).items(),
        *_of_type(template, "AWS::Serverless::StateMachine"),
    ]:
        machine = "DefinitionUri" in properties
        role = properties.get("Role", {}).get("Fn::GetAtt", [""])[0]
        document = (
            template["Resources"]
            .get(role, {})
            .get("Properties", {})
            .get("AssumeRolePolicyDocument", {})
        )
        expected = {
            "Effect": "Allow",
            "Principal": {"Service": f"{'states' if machine else 'lambda'}.amazonaws.com"},
            "Action": "sts:AssumeRole",
            **({"Condition": own} if machine else {}),
        }
        if document.get("Statement") != [expected]:
            found.append(f"{role or name} can be assumed by others than {expected['Principal']}")
    return found


def invocations(template: Template) -> list[str]:
    """The machine may invoke the functions that its definition names, and no other."""
    machine = template["Resources"]["RotationStateMachine"]["Properties"]
    named = {
        value["Fn::GetAtt"][0]
        for value in machine["DefinitionSubstitutions"].values()
        if "Fn::GetAtt" in value
    }
    allowed = {
        resource["Fn::GetAtt"][0]
        for name, statement in statements(template)
        if name == "RotationStateMachineRole" and statement["Action"] == "lambda:InvokeFunction"
        for resource in statement["Resource"]
    }
    return [
        *(f"the machine may not invoke {name}" for name in sorted(named - allowed)),
        *(f"the machine may invoke {name} and does not" for name in sorted(allowed - named)),
    ]


def permission(template: Template) -> list[str]:
    """Secrets Manager may invoke the rotation Lambda, for secrets of this account alone."""
    found = []
    permissions = list(_of_type(template, "AWS::Lambda::Permission"))
    for name, properties in permissions:
        if properties.get("SourceAccount") != {"Ref": "AWS::AccountId"}:
            found.append(f"{name} has no SourceAccount")
        if "SourceArn" in properties:
            found.append(f"{name} is tied to one secret by its SourceArn")
    wanted = ("secretsmanager.amazonaws.com", {"Ref": "RotateSecretFunction"})
    if wanted not in [(each.get("Principal"), each.get("FunctionName")) for _, each in permissions]:
        found.append("Secrets Manager may not invoke RotateSecretFunction")
    return found


def log_groups(template: Template) -> list[str]:
    """All logs are kept for as long as the parameter says, and go away with the stack."""
    found = []
    for name, properties in _of_type(template, "AWS::Logs::LogGroup"):
        if properties.get("RetentionInDays") != {"Ref": "LogRetentionDays"}:
            found.append(f"{name} has no retention")
        if template["Resources"][name].get("DeletionPolicy") != "Delete":
            found.append(f"{name} outlives the stack")
    for name, function in functions(template).items():
        match function.get("LoggingConfig", {}).get("LogGroup"):
            case {"Ref": str(group)} if group in template["Resources"]:
                pass
            case _:
                found.append(f"{name} logs to no log group of this template")
    return found


def outputs(template: Template) -> list[str]:
    """A secret's rotation, and an operator, are told the two ARNs that they need."""
    wanted = {
        "RotationFunctionArn": {"Fn::GetAtt": ["RotateSecretFunction", "Arn"]},
        "StateMachineArn": {"Ref": "RotationStateMachine"},
    }
    return [
        f"output {name} is not {value}"
        for name, value in wanted.items()
        if template.get("Outputs", {}).get(name, {}).get("Value") != value
    ]


def environment(template: Template, sources: Mapping[str, str]) -> list[str]:
    """Each function is given the variables that its handler comes to read; none is for nobody.

    Globals are for every function: what only some can use is not among them.

    Args:
        template: the template.
        sources: the text of each file in functions/, by its path there.
    """
    readers: dict[str, set[str]] = {}
    for path, text in sources.items():
        for reader, variable in _environment_reads(ast.parse(text)):
            # What a handler file reads, its own handler needs; a class, who calls its method.
            readers.setdefault(path if "/" not in path else reader, set()).add(variable)
    worlds = (chosen(template, given) for which, given in IN_VPC.items() if which != "none")
    found = {wrong for world in worlds for wrong in _environment(world, sources, readers)}
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    everything = set().union(*readers.values())
    return sorted(found) + [
        f"Globals: {variable} is not for every function"
        for variable in shared
        if variable == IN_VPC_ONLY
        or (variable not in everything and not variable.startswith(LIBRARY_PREFIX))
    ]


def _environment(
    template: Template, sources: Mapping[str, str], readers: Mapping[str, set[str]]
) -> list[str]:
    found = []
    for name, function in functions(template).items():
        handler = function["Handler"].removesuffix(".handler")
        called = _dotted_names(ast.parse(sources[f"{handler}.py"])) | {f"{handler}.py"}
        needed = {
            variable
            for reader, variables in readers.items()
            if reader in called
            for variable in variables
            if (handler, variable) not in NOT_NEEDED
            and (variable != IN_VPC_ONLY or "VpcConfig" in function)
        }
        given = {*function["Environment"]["Variables"]}
        found += [f"{name} is not given {variable}" for variable in sorted(needed - given)]
        own = template["Resources"][name]["Properties"].get("Environment", {}).get("Variables", {})
        found += [f"{name} is given {each} and has no use for it" for each in {*own} - needed]
    return found


def untraceable(sources: Mapping[str, str]) -> list[str]:
    """Only handlers call what reads the environment, so that it can be told who needs what."""
    readers = {
        reader
        for path, text in sources.items()
        if "/" in path
        for reader, _ in _environment_reads(ast.parse(text))
    }
    found = [
        f"{reader} reads the environment and is no method"
        for reader in sorted(readers)
        if "." not in reader
    ]
    for path, text in sources.items():
        if "/" in path:
            called = _dotted_names(ast.parse(text)) & readers
            found += [f"{path} calls {reader}" for reader in sorted(called)]
    return found


def switches(template: Template) -> list[str]:
    """What costs something by itself is deployed only where a parameter asks for it."""
    found = []
    off = {**_defaults(template), **{name: values[0] for name, values in SWITCHED.items()}}
    for name, resource in template["Resources"].items():
        costs = resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard")
        starts = bool(resource.get("Properties", {}).get("Events"))
        if (costs or starts) and _is_deployed(template, name, off):
            found.append(f"{name} is deployed where nobody asks for it")
    for switch, (default, _) in SWITCHED.items():
        if template["Parameters"][switch]["Default"] != default:
            found.append(f"{switch} is on by default")
    return found


def alarms(template: Template, emitted: set[str]) -> list[str]:
    """Each alarm is on a metric that there is, of this stack, and says what to do without data.

    ``emitted`` are the names of the functions' own metrics.
    """
    found = []
    for name, alarm in _of_type(template, "AWS::CloudWatch::Alarm"):
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        path = [alarm["Namespace"], alarm["MetricName"]]
        path += [text for each in dimensions.items() for text in (each[0], str(each[1]))]
        found += [f"{name}: {wrong}" for wrong in _wrong_metric(path, emitted)]
        owner = dimensions.get("service") or next(iter(dimensions.values()))
        if owner not in OWNERS:
            found.append(f"{name} is on something else than this stack's")
        if "TreatMissingData" not in alarm:
            found.append(f"{name} does not say what missing data means")
        if (
            alarm.get("TreatMissingData") == "missing"
            and alarm.get("InsufficientDataActions") != TOPIC
        ):
            found.append(f"{name} tells nobody of missing data")
        if alarm.get("AlarmActions") != TOPIC:
            found.append(f"{name} does not tell the topic, where there is one")
        if not alarm.get("AlarmDescription"):
            found.append(f"{name} does not say what to do")
    return found


def dashboards(template: Template, emitted: set[str]) -> list[str]:
    """A dashboard is JSON whatever is switched on, of metrics that there are; nothing overlaps."""
    found = []
    for name, dashboard in _of_type(template, "AWS::CloudWatch::Dashboard"):
        for values in itertools.product(*SWITCHED.values()):
            given = {**_defaults(template), **dict(zip(SWITCHED, values, strict=True))}
            text = _resolved(dashboard["DashboardBody"], template, given)
            try:
                widgets = json.loads(text)["widgets"]
            except ValueError as error:
                return [f"{name} is no JSON: {error}"]
            kinds = {widget["type"] for widget in widgets}
            if ("alarm" in kinds) != (given["Alarms"] == "true"):
                found.append(f"{name} shows alarms that there are not, or not those that there are")
            for widget in widgets:
                properties = widget["properties"]
                for path in properties.get("metrics", []):
                    texts = [part for part in path if isinstance(part, str)]
                    found += [f"{name}: {wrong}" for wrong in _wrong_metric(texts, emitted)]
                    if not ({"stat"} & {*properties, *path[-1]}):
                        found.append(f"{name} has no statistic for {path}")
            for one, other in itertools.combinations(widgets, 2):
                if _overlap(one, other):
                    found.append(f"{name}: {_title(one)} lies on {_title(other)}")
            found += [
                f"{name}: {_title(w)} is too wide" for w in widgets if w["x"] + w["width"] > 24
            ]
    return sorted(set(found))


def emitted_metrics(sources: Mapping[str, str]) -> set[str]:
    """The names of the metrics that functions/ emit."""
    return {
        ast.literal_eval(node.args[0])
        for text in sources.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("metrics.add_metric", "counted", "count_by")
        and isinstance(node.args[0], ast.Constant)
    }


def _wrong_metric(path: list[str], emitted: set[str]) -> Iterator[str]:
    """What is wrong with ``[namespace, name, dimension, value, ...]``."""
    namespace, name, *dimensions = path
    if namespace == NAMESPACE:
        if name not in emitted:
            yield f"no function emits {name}"
        wanted = {"service", *METRIC_DIMENSIONS.get(name, ())}
        if {*dimensions[::2]} != wanted:
            yield f"{name} has not the dimensions {dimensions[::2]}"
    elif name not in AWS_METRICS[namespace][1]:
        yield f"{namespace} has no {name}"
    elif dimensions[::2] != [AWS_METRICS[namespace][0]]:
        yield f"{name} has not the dimensions {dimensions[::2]}"


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "width"), ("y", "height"))
    )


def _title(widget: dict[str, Any]) -> str:
    return str(widget["properties"].get("title", widget["type"]))


def _defaults(template: Template) -> dict[str, str]:
    parameters = template["Parameters"].items()
    defaults = {name: str(each.get("Default", "")) for name, each in parameters}
    return {"AWS::Partition": "aws", **defaults}


def _is_deployed(template: Template, resource: str, values: Mapping[str, str]) -> bool:
    condition = template["Resources"][resource].get("Condition")
    return not condition or _is_true(template, condition, values)


def _is_true(template: Template, condition: str, values: Mapping[str, str]) -> bool:
    def opened(value: Any) -> Any:
        if isinstance(value, dict):
            if "Condition" in value:
                return opened(template["Conditions"][value["Condition"]])
            return {key: opened(inner) for key, inner in value.items()}
        return [opened(inner) for inner in value] if isinstance(value, list) else value

    return bool(_holds(opened(template["Conditions"][condition]), values))


def _resolved(value: Any, template: Template, values: Mapping[str, str]) -> str:
    """A text as CloudFormation makes it, with the names of resources for what they are."""
    match value:
        case str(text):
            return text
        case {"Ref": str(name)}:
            return values.get(name, name)
        case {"Fn::If": [str(condition), yes, no]}:
            chosen = yes if _is_true(template, condition, values) else no
            return _resolved(chosen, template, values)
        case {"Fn::Sub": str(text)}:
            return _resolved({"Fn::Sub": [text, {}]}, template, values)
        case {"Fn::Sub": [str(text), dict(more)]}:
            own = {key: _resolved(inner, template, values) for key, inner in more.items()}
            return re.sub(r"\$\{(.+?)\}", lambda m: {**values, **own}.get(m[1], m[1]), text)
    raise ValueError(f"Not a text: {value}")


def _environment_reads(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """``(Class.method or function, variable)`` for each variable that is read by its name."""

    def visit(node: ast.AST, within: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            within = (*within, node.name)
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            key = node.slice
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "os.environ.get",
            "os.getenv",
            "seconds_from_env",
            "required",
        ):
            key = node.args[0]
        if isinstance(key, ast.Constant):
            yield ".".join(within), str(key.value)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, within)

    yield from visit(tree, ())


def _dotted_names(tree: ast.Module) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _of_type(template: Template, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def statements(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy, but for those that say who may assume a role."""

    def documents(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            if "Effect" in value:
                yield value
            else:
                for key, inner in value.items():
                    if key != "AssumeRolePolicyDocument":
                        yield from documents(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from documents(inner)

    for name, resource in template["Resources"].items():
        for statement in documents(resource.get("Properties", {})):
            yield name, statement


def _holds(condition: Any, values: Mapping[str, str]) -> Any:
    """CloudFormation's condition functions, as far as they are used."""
    match condition:
        case {"Ref": str(name)}:
            return values[name]
        case {"Fn::Equals": [left, right]}:
            return _holds(left, values) == _holds(right, values)
        case {"Fn::Not": [inner]}:
            return not _holds(inner, values)
        case {"Fn::And": list(inner)}:
            return all(_holds(each, values) for each in inner)
        case {"Fn::Or": list(inner)}:
            return any(_holds(each, values) for each in inner)
        case {"Fn::Join": ["", {"Ref": str(name)}]}:
            return values[name].replace(",", "")
        case {"Fn::EachMemberEquals": [{"Ref": str(name)}, str(member)]}:
            return all(each == member for each in values[name].split(","))
        case str(text):
            return text
    raise ValueError(f"Not a condition of a rule: {condition}")


def chosen(template: Template, given: Mapping[str, str]) -> Template:
    """The template with every Fn::If decided, by these values and the defaults of the others."""
    values = {**_defaults(template), **given}

    def decided(value: Any) -> Any:
        match value:
            case {"Fn::If": [str(condition), yes, no]}:
                return decided(yes if _is_true(template, condition, values) else no)
            case dict():
                there = {key: decided(inner) for key, inner in value.items()}
                return {key: inner for key, inner in there.items() if inner != NO_VALUE}
            case list():
                return [each for each in map(decided, value) if each != NO_VALUE]
        return value

    found: Template = decided(template)
    return found


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [str(value)]


def _text(template: Template) -> str:
    return json.dumps({key: value for key, value in template.items() if key != "Metadata"})
