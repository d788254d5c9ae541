/* SPDX-License-Identifier: MIT */
/*
 * gen_alone.c - `sluice gen` as a program of its own, for `make gen`.
 *
 * The program `sluice` holds generated code: were that broken, it could not be built to mend it.
 */
#include "cli/commands.h"

int main(int argc, char **argv)
{
	return cli_gen(argc, argv);
}
