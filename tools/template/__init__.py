"""template.yaml as data: what CloudFormation makes of it, how it is documented and deployed."""
