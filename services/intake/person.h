/*
 * person: who a customer is. A customer is known by telephone number, else by e-mail address; the
 * customer's number is made of a keyed hash of it, so every lane and replica comes to the same
 * number without asking the database.
 *
 * 9e14 numbers are possible: among a million customers the chance that any two share one is 1 in
 * 2,000. Whoever reads the customer file therefore compares the whole hash, and addresses are
 * always taken from the ticket's own contact.
 */
#ifndef KEFU_INTAKE_PERSON_H
#define KEFU_INTAKE_PERSON_H

#include "base/arena.h"

enum {
    PERSON_KNOWN_BY = 264,
    PERSON_PHONE_LEAST = 5,
    PERSON_PHONE_MAX = 20,
    PERSON_PHONE_BYTES = 40
};

/* Digits alone, without +86 or 0086. Blanks, - . ( ) / and a + in front are skipped. False unless 5
   to 20 ASCII digits are left. */
bool person_phone(text given, char out[PERSON_KNOWN_BY]);
/* Lower case. False unless base/address.h takes it. */
bool person_mail(text given, char out[PERSON_KNOWN_BY]);

struct person_identity {
    /* 15 digits; 0: neither telephone nor e-mail address, so nobody in particular */
    int64_t number;
    unsigned char hash[32];
};

/* An invalid telephone number or address counts as none. */
void person_identify(text phone, text mail, struct person_identity *out);

/* How others see a customer: "Z** (***4821)", "张** (***4821)", "Z**", "(***4821)", or absent. */
text person_label(text name, text phone, struct arena *arena);

#endif
