/* The suites, each in its own file, and what they share. */
#ifndef MS_TESTS_H
#define MS_TESTS_H

#include <check.h>
#include <stdbool.h>

Suite *text_suite(void);
Suite *matrix_suite(void);
Suite *oracle_suite(void);
Suite *schedule_suite(void);
Suite *param_suite(void);
Suite *config_suite(void);
Suite *problem_suite(void);
Suite *saddle_suite(void);
Suite *flow_suite(void);
Suite *run_suite(void);
Suite *cli_suite(void);

#endif
