/*
 * place: where a command runs. One about something that exists runs in the partition of its key, at whoever holds that. One that
 * creates something (its handler says so) has no place yet: any replica takes it, in a partition held here, and the numbers that it
 * draws are of that partition.
 */
#ifndef KEFU_PLACE_H
#define KEFU_PLACE_H

#include "lane.h"

/* Choose the command's partition; the lane of it. What creates something goes to the partition of its key if that is held here, else to
   one that is, always the same for a key while the same ones are held. With none held it stays with its key's. */
struct lane *place_command(struct message *message);

#endif
