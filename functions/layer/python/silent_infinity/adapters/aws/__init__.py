"""Implementations on AWS: DynamoDB, S3, Secrets Manager and CloudWatch."""
