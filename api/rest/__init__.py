"""What all routes share: who may, contracts, types of answers, paging, problems."""
