/*
 * health: is the replica that listens at this process's endpoint alive? For health checks of
 * containers and supervisors: run the program with the settings of the service (so the same address
 * and the same keys) and --health.
 */
#ifndef KEFU_HEALTH_H
#define KEFU_HEALTH_H

/* Ask it who it is, within two seconds. 0 if it answers; else 1, after a line on standard error.
   Destroys the bus. */
int health_ask(void);

#endif
