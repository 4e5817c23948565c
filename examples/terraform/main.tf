terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Has passwords_wo of aws_elasticache_user.
      version = ">= 6.47, < 7.0"
    }
  }
}

variable "rotation_function_arn" {
  description = "The output RotationFunctionArn of the rotation's stack."
  type        = string
}

variable "user_id" {
  description = "The user's ID and name. Another one makes another user, with another secret."
  type        = string
}

variable "access_string" {
  description = "What the user may do: \"on\", then the rules as DescribeUsers shows them (keys, channels, -@all, commands)."
  type        = string
  default     = "on ~app:* -@all +@read +@write +@connection"
  validation {
    condition     = startswith(var.access_string, "on ")
    error_message = "access_string has to start with \"on \"."
  }
}

variable "schedule_expression" {
  description = "When the rotation window opens, in UTC; by default on the first of each month at 2."
  type        = string
  default     = "cron(0 2 1 * ? *)"
}

variable "window_duration" {
  description = "How long the rotation window is."
  type        = string
  default     = "3h"
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  name    = "elasticache/${var.user_id}"
  account = data.aws_caller_identity.current.account_id
  # Composed: the user itself needs the secret first.
  user_arn = "arn:${data.aws_partition.current.partition}:elasticache:${data.aws_region.current.region}:${local.account}:user:${var.user_id}"
}

resource "aws_secretsmanager_secret" "this" {
  name        = local.name
  description = "The password of the ElastiCache user ${var.user_id}"
}

# Secrets Manager generates the first password. Ephemeral: it is in no state and no plan.
ephemeral "aws_secretsmanager_random_password" "first" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "first" {
  secret_id = aws_secretsmanager_secret.this.id
  secret_string_wo = jsonencode({
    username = var.user_id
    user_arn = local.user_arn
    password = ephemeral.aws_secretsmanager_random_password.first.random_password
  })
  # Never change it: another number makes a new version AWSCURRENT, whose password the user does not have.
  secret_string_wo_version = 1
  # The label FIRST stays when AWSCURRENT moves on, and a version with a label is never removed. Without
  # it Terraform would miss the version some rotations later, and put a new password as AWSCURRENT.
  version_stages = ["AWSCURRENT", "FIRST"]

  lifecycle {
    # Rotations move AWSCURRENT. Terraform would move it back.
    ignore_changes = [version_stages]
  }
}

# Read back, so that the user gets what the secret has, also when an apply breaks off and is repeated.
ephemeral "aws_secretsmanager_secret_version" "current" {
  # The secret's ARN. A plan does not know it as long as the version has to be made, and reads nothing.
  secret_id = aws_secretsmanager_secret_version.first.arn
}

resource "aws_elasticache_user" "this" {
  user_id       = var.user_id
  user_name     = var.user_id
  engine        = "valkey"
  access_string = var.access_string
  passwords_wo  = jsondecode(ephemeral.aws_secretsmanager_secret_version.current.secret_string).password
  # Another number sets AWSCURRENT's password again, and no other one.
  passwords_wo_version = 1

  tags = {
    # This allows the rotation to change the user: the user names its secret.
    rotation-secret = local.name
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = "${var.user_id}-group"
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.this.user_id]
}

resource "aws_secretsmanager_secret_rotation" "this" {
  secret_id           = aws_secretsmanager_secret_version.first.secret_id
  rotation_lambda_arn = var.rotation_function_arn
  # Rotations happen in the window only, so that no apply comes in between.
  rotate_immediately = false

  rotation_rules {
    schedule_expression = var.schedule_expression
    duration            = var.window_duration
  }

  # The user has its password and its group by then.
  depends_on = [aws_elasticache_user_group.this]
}

output "secret_arn" {
  description = "What clients read the password from."
  value       = aws_secretsmanager_secret.this.arn
}

output "user_group_id" {
  description = "Put it into user_group_ids of a replication group, or user_group_id of a serverless cache."
  value       = aws_elasticache_user_group.this.user_group_id
}
