-- Sealed with the key of personal data when it was first used (services/intake/canary.c): a key file that does not open it is another one.
CREATE TABLE canary (one boolean PRIMARY KEY DEFAULT true CHECK (one), sealed bytea NOT NULL);
