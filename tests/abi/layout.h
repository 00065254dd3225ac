/* Layout of the public structs as they were shipped: a version that appends to one keeps every line and changes its
 * LAYOUT alone (the old size stays as a comment there); any other change breaks programs that are already built.
 * Compiled as C11 and as C++11. 64-bit ABIs only: on 32-bit ones, which are not tested (docs/packaging.md), layouts may
 * still change; they get lines of their own once they are. */
#include <gan.h>

#ifdef __cplusplus
#define CHECK(condition) static_assert(condition, #condition)
#else
#define CHECK(condition) _Static_assert(condition, #condition)
#endif
#define LAYOUT(type, size) CHECK(sizeof(type) == (size) && sizeof(type) % 8 == 0)
#define AT(type, member, offset) CHECK(offsetof(type, member) == (offset))

CHECK(sizeof(gan_status) == 4 && sizeof(gan_dtype) == 4);

#if UINTPTR_MAX == UINT64_MAX

/* 0.1 */
LAYOUT(gan_shape, 72);
AT(gan_shape, rank, 0);
AT(gan_shape, reserved, 4);
AT(gan_shape, size, 8);

/* 0.1 */
LAYOUT(gan_allocator, 32);
AT(gan_allocator, struct_size, 0);
AT(gan_allocator, user, 8);
AT(gan_allocator, allocate, 16);
AT(gan_allocator, deallocate, 24);

/* 0.1 */
LAYOUT(gan_logger, 24);
AT(gan_logger, struct_size, 0);
AT(gan_logger, user, 8);
AT(gan_logger, log, 16);

/* 0.1 */
LAYOUT(gan_executor, 32);
AT(gan_executor, struct_size, 0);
AT(gan_executor, user, 8);
AT(gan_executor, parallel_for, 16);
AT(gan_executor, workers, 24);
AT(gan_executor, reserved, 28);

/* 0.1 */
LAYOUT(gan_context_options, 104);
AT(gan_context_options, struct_size, 0);
AT(gan_context_options, version, 8);
AT(gan_context_options, threads, 12);
AT(gan_context_options, seed, 16);
AT(gan_context_options, deterministic, 24);
AT(gan_context_options, blas, 28);
AT(gan_context_options, level, 32);
AT(gan_context_options, filtering, 36);
AT(gan_context_options, allocator, 40);
AT(gan_context_options, logger, 48);
AT(gan_context_options, executor, 56);
AT(gan_context_options, cancelled, 64);
AT(gan_context_options, cancelled_user, 72);
AT(gan_context_options, memory_limit, 80);
AT(gan_context_options, ended, 88);
AT(gan_context_options, ended_user, 96);

/* 0.1 */
LAYOUT(gan_digits_options, 32);
AT(gan_digits_options, struct_size, 0);
AT(gan_digits_options, count, 8);
AT(gan_digits_options, size, 16);
AT(gan_digits_options, seed, 24);

/* 0.1 */
LAYOUT(gan_cifar_options, 24);
AT(gan_cifar_options, struct_size, 0);
AT(gan_cifar_options, label_bytes, 8);
AT(gan_cifar_options, coarse, 16);
AT(gan_cifar_options, reserved, 20);

/* 0.1 */
LAYOUT(gan_folder_options, 24);
AT(gan_folder_options, struct_size, 0);
AT(gan_folder_options, size, 8);
AT(gan_folder_options, channels, 16);

/* 0.1 */
LAYOUT(gan_loader_options, 56);
AT(gan_loader_options, struct_size, 0);
AT(gan_loader_options, batch_size, 8);
AT(gan_loader_options, shuffle, 16);
AT(gan_loader_options, dtype, 20);
AT(gan_loader_options, low, 24);
AT(gan_loader_options, high, 32);
AT(gan_loader_options, crop_padding, 40);
AT(gan_loader_options, flip, 48);
AT(gan_loader_options, reserved, 52);

/* 0.1 */
LAYOUT(gan_pool_options, 24);
AT(gan_pool_options, struct_size, 0);
AT(gan_pool_options, capacity, 8);
AT(gan_pool_options, dtype, 16);
AT(gan_pool_options, reserved, 20);

/* 0.1 */
LAYOUT(gan_memory_dataset, 144);
AT(gan_memory_dataset, struct_size, 0);
AT(gan_memory_dataset, dtype, 8);
AT(gan_memory_dataset, classes, 12);
AT(gan_memory_dataset, shape, 16);
AT(gan_memory_dataset, count, 88);
AT(gan_memory_dataset, items, 96);
AT(gan_memory_dataset, labels, 104);
AT(gan_memory_dataset, class_names, 112);
AT(gan_memory_dataset, copy, 120);
AT(gan_memory_dataset, reserved, 124);
AT(gan_memory_dataset, release, 128);
AT(gan_memory_dataset, user, 136);

/* 0.1 */
LAYOUT(gan_callback_dataset, 136);
AT(gan_callback_dataset, struct_size, 0);
AT(gan_callback_dataset, dtype, 8);
AT(gan_callback_dataset, classes, 12);
AT(gan_callback_dataset, shape, 16);
AT(gan_callback_dataset, count, 88);
AT(gan_callback_dataset, read, 96);
AT(gan_callback_dataset, release, 104);
AT(gan_callback_dataset, user, 112);
AT(gan_callback_dataset, fingerprint, 120);
AT(gan_callback_dataset, class_names, 128);

/* 0.1 */
LAYOUT(gan_sheet_options, 56);
AT(gan_sheet_options, struct_size, 0);
AT(gan_sheet_options, columns, 8);
AT(gan_sheet_options, padding, 16);
AT(gan_sheet_options, low, 24);
AT(gan_sheet_options, high, 32);
AT(gan_sheet_options, background, 40);
AT(gan_sheet_options, zoom, 48);

/* 0.1 */
LAYOUT(gan_curve, 32);
AT(gan_curve, name, 0);
AT(gan_curve, x, 8);
AT(gan_curve, y, 16);
AT(gan_curve, count, 24);

/* 0.1 */
LAYOUT(gan_chart_options, 48);
AT(gan_chart_options, struct_size, 0);
AT(gan_chart_options, title, 8);
AT(gan_chart_options, x_label, 16);
AT(gan_chart_options, width, 24);
AT(gan_chart_options, height, 32);
AT(gan_chart_options, smoothing, 40);

/* 0.1 */
LAYOUT(gan_masked_conv_options, 32);
AT(gan_masked_conv_options, struct_size, 0);
AT(gan_masked_conv_options, bias, 8);
AT(gan_masked_conv_options, reserved, 12);
AT(gan_masked_conv_options, colors, 16);
AT(gan_masked_conv_options, kernel_w, 24);

/* 0.1 */
LAYOUT(gan_pixel_lstm_options, 24);
AT(gan_pixel_lstm_options, struct_size, 0);
AT(gan_pixel_lstm_options, bias, 8);
AT(gan_pixel_lstm_options, learned_state, 12);
AT(gan_pixel_lstm_options, colors, 16);

/* 0.1 */
LAYOUT(gan_weight_options, 128);
AT(gan_weight_options, struct_size, 0);
AT(gan_weight_options, bias, 8);
AT(gan_weight_options, reserved, 12);
AT(gan_weight_options, output_padding, 16);
AT(gan_weight_options, kernel_w, 24);
AT(gan_weight_options, stride_w, 32);
AT(gan_weight_options, padding_w, 40);
AT(gan_weight_options, dilation, 48);
AT(gan_weight_options, dilation_w, 56);
AT(gan_weight_options, groups, 64);
AT(gan_weight_options, output_padding_w, 72);
AT(gan_weight_options, form, 80);
AT(gan_weight_options, compensation, 84);
AT(gan_weight_options, power_iterations, 88);
AT(gan_weight_options, compensated, 96);
AT(gan_weight_options, epsilon, 104);
AT(gan_weight_options, gain, 112);
AT(gan_weight_options, multiplier, 120);

/* 0.1 */
LAYOUT(gan_self_attention_options, 48);
AT(gan_self_attention_options, struct_size, 0);
AT(gan_self_attention_options, weights, 8);
AT(gan_self_attention_options, key_channels, 16);
AT(gan_self_attention_options, value_channels, 24);
AT(gan_self_attention_options, pool, 32);
AT(gan_self_attention_options, output, 40);
AT(gan_self_attention_options, reserved, 44);

/* 0.1 */
LAYOUT(gan_conv_options, 64);
AT(gan_conv_options, struct_size, 0);
AT(gan_conv_options, stride_w, 8);
AT(gan_conv_options, padding_w, 16);
AT(gan_conv_options, dilation, 24);
AT(gan_conv_options, dilation_w, 32);
AT(gan_conv_options, groups, 40);
AT(gan_conv_options, output_padding, 48);
AT(gan_conv_options, output_padding_w, 56);

/* 0.1 */
LAYOUT(gan_init_options, 72);
AT(gan_init_options, struct_size, 0);
AT(gan_init_options, kind, 8);
AT(gan_init_options, fan, 12);
AT(gan_init_options, gain, 16);
AT(gan_init_options, slope, 24);
AT(gan_init_options, value, 32);
AT(gan_init_options, mean, 40);
AT(gan_init_options, deviation, 48);
AT(gan_init_options, low, 56);
AT(gan_init_options, high, 64);

/* 0.1 */
LAYOUT(gan_instance_norm_options, 24);
AT(gan_instance_norm_options, struct_size, 0);
AT(gan_instance_norm_options, epsilon, 8);
AT(gan_instance_norm_options, affine, 16);
AT(gan_instance_norm_options, reserved, 20);

/* 0.1 */
LAYOUT(gan_layer_norm_options, 24);
AT(gan_layer_norm_options, struct_size, 0);
AT(gan_layer_norm_options, epsilon, 8);
AT(gan_layer_norm_options, affine, 16);
AT(gan_layer_norm_options, reserved, 20);

/* 0.1 */
LAYOUT(gan_pixel_norm_options, 16);
AT(gan_pixel_norm_options, struct_size, 0);
AT(gan_pixel_norm_options, epsilon, 8);

/* 0.1 */
LAYOUT(gan_minibatch_std_options, 24);
AT(gan_minibatch_std_options, struct_size, 0);
AT(gan_minibatch_std_options, group, 8);
AT(gan_minibatch_std_options, epsilon, 16);

/* 0.1 */
LAYOUT(gan_adaptive_instance_norm_options, 24);
AT(gan_adaptive_instance_norm_options, struct_size, 0);
AT(gan_adaptive_instance_norm_options, epsilon, 8);
AT(gan_adaptive_instance_norm_options, one_plus, 16);
AT(gan_adaptive_instance_norm_options, reserved, 20);

/* 0.1 */
LAYOUT(gan_noise_injection_options, 16);
AT(gan_noise_injection_options, struct_size, 0);
AT(gan_noise_injection_options, evaluation, 8);
AT(gan_noise_injection_options, per_channel, 12);

/* 0.1 */
LAYOUT(gan_gaussian_noise_options, 16);
AT(gan_gaussian_noise_options, struct_size, 0);
AT(gan_gaussian_noise_options, evaluation, 8);
AT(gan_gaussian_noise_options, reserved, 12);

/* 0.1 */
LAYOUT(gan_blur_options, 112);
AT(gan_blur_options, struct_size, 0);
AT(gan_blur_options, count, 8);
AT(gan_blur_options, stride, 16);
AT(gan_blur_options, before, 24);
AT(gan_blur_options, after, 32);
AT(gan_blur_options, normalise, 40);
AT(gan_blur_options, reserved, 44);
AT(gan_blur_options, taps, 48);

/* 0.1 */
LAYOUT(gan_truncation_options, 24);
AT(gan_truncation_options, struct_size, 0);
AT(gan_truncation_options, psi, 8);
AT(gan_truncation_options, decay, 16);
LAYOUT(gan_minibatch_discrimination_options, 24);
AT(gan_minibatch_discrimination_options, struct_size, 0);
AT(gan_minibatch_discrimination_options, include_self, 8);
AT(gan_minibatch_discrimination_options, bias, 12);
AT(gan_minibatch_discrimination_options, weight_norm, 16);
AT(gan_minibatch_discrimination_options, reserved, 20);

/* 0.1 */
LAYOUT(gan_virtual_batch_norm_options, 24);
AT(gan_virtual_batch_norm_options, struct_size, 0);
AT(gan_virtual_batch_norm_options, epsilon, 8);
AT(gan_virtual_batch_norm_options, affine, 16);
AT(gan_virtual_batch_norm_options, combine, 20);

/* 0.1 */
LAYOUT(gan_residual_options, 80);
AT(gan_residual_options, struct_size, 0);
AT(gan_residual_options, resample, 8);
AT(gan_residual_options, shortcut, 12);
AT(gan_residual_options, batch_norm, 16);
AT(gan_residual_options, preactivation, 20);
AT(gan_residual_options, hidden, 24);
AT(gan_residual_options, labels, 32);
AT(gan_residual_options, classes, 40);
AT(gan_residual_options, condition, 48);
AT(gan_residual_options, weight, 56);
AT(gan_residual_options, condition_weight, 64);
AT(gan_residual_options, norm, 72);

/* 0.1 */
LAYOUT(gan_layer_slot, 88);
AT(gan_layer_slot, name, 0);
AT(gan_layer_slot, shape, 8);
AT(gan_layer_slot, is_parameter, 80);
AT(gan_layer_slot, reserved, 84);

/* 0.1 */
LAYOUT(gan_layer_type, 64);
AT(gan_layer_type, struct_size, 0);
AT(gan_layer_type, name, 8);
AT(gan_layer_type, user, 16);
AT(gan_layer_type, inputs, 24);
AT(gan_layer_type, index_inputs, 28);
AT(gan_layer_type, infer, 32);
AT(gan_layer_type, tensors, 40);
AT(gan_layer_type, init, 48);
AT(gan_layer_type, forward, 56);

/* 0.1 */
LAYOUT(gan_batch_norm_options, 32);
AT(gan_batch_norm_options, struct_size, 0);
AT(gan_batch_norm_options, momentum, 8);
AT(gan_batch_norm_options, epsilon, 16);
AT(gan_batch_norm_options, affine, 24);
AT(gan_batch_norm_options, track_running_stats, 28);

/* 0.1 */
LAYOUT(gan_loss_bce_options, 32);
AT(gan_loss_bce_options, struct_size, 0);
AT(gan_loss_bce_options, real_target, 8);
AT(gan_loss_bce_options, fake_target, 16);
AT(gan_loss_bce_options, generator, 24);
AT(gan_loss_bce_options, reserved, 28);

/* 0.1 */
LAYOUT(gan_loss_least_squares_options, 32);
AT(gan_loss_least_squares_options, struct_size, 0);
AT(gan_loss_least_squares_options, fake_target, 8);
AT(gan_loss_least_squares_options, real_target, 16);
AT(gan_loss_least_squares_options, generator_target, 24);

/* 0.1 */
LAYOUT(gan_loss_wasserstein_options, 16);
AT(gan_loss_wasserstein_options, struct_size, 0);
AT(gan_loss_wasserstein_options, clip, 8);

/* 0.1 */
LAYOUT(gan_loss_relativistic_options, 16);
AT(gan_loss_relativistic_options, struct_size, 0);
AT(gan_loss_relativistic_options, base, 8);
AT(gan_loss_relativistic_options, reserved, 12);

/* 0.1 */
LAYOUT(gan_loss_veegan_options, 16);
AT(gan_loss_veegan_options, struct_size, 0);
AT(gan_loss_veegan_options, reconstruction_factor, 8);

/* 0.1 */
LAYOUT(gan_loss_semi_supervised_options, 24);
AT(gan_loss_semi_supervised_options, struct_size, 0);
AT(gan_loss_semi_supervised_options, weight, 8);
AT(gan_loss_semi_supervised_options, generator, 16);
AT(gan_loss_semi_supervised_options, reserved, 20);

/* 0.1 */
LAYOUT(gan_cross_entropy_options, 24);
AT(gan_cross_entropy_options, struct_size, 0);
AT(gan_cross_entropy_options, label_smoothing, 8);
AT(gan_cross_entropy_options, ignore, 16);
AT(gan_cross_entropy_options, ignore_index, 20);
LAYOUT(gan_loss_historical_averaging_options, 16);
AT(gan_loss_historical_averaging_options, struct_size, 0);
AT(gan_loss_historical_averaging_options, weight, 8);

/* 0.1 */
LAYOUT(gan_loss_path_length_options, 40);
AT(gan_loss_path_length_options, struct_size, 0);
AT(gan_loss_path_length_options, weight, 8);
AT(gan_loss_path_length_options, decay, 16);
AT(gan_loss_path_length_options, interval, 24);
AT(gan_loss_path_length_options, batch_shrink, 32);
LAYOUT(gan_loss_gradient_penalty_options, 40);
AT(gan_loss_gradient_penalty_options, struct_size, 0);
AT(gan_loss_gradient_penalty_options, weight, 8);
AT(gan_loss_gradient_penalty_options, target, 16);
AT(gan_loss_gradient_penalty_options, one_sided, 24);
AT(gan_loss_gradient_penalty_options, normalize, 28);
AT(gan_loss_gradient_penalty_options, where, 32);
AT(gan_loss_gradient_penalty_options, reserved, 36);

/* 0.1 */
LAYOUT(gan_orthogonal_options, 32);
AT(gan_orthogonal_options, struct_size, 0);
AT(gan_orthogonal_options, weight, 8);
AT(gan_orthogonal_options, form, 16);
AT(gan_orthogonal_options, skip_count, 20);
AT(gan_orthogonal_options, skip, 24);

/* 0.1 */
LAYOUT(gan_loss_feature_matching_options, 32);
AT(gan_loss_feature_matching_options, struct_size, 0);
AT(gan_loss_feature_matching_options, distance, 8);
AT(gan_loss_feature_matching_options, average, 12);
AT(gan_loss_feature_matching_options, weights, 16);
AT(gan_loss_feature_matching_options, weight_count, 24);

/* 0.1 */
LAYOUT(gan_loss_mutual_information_options, 48);
AT(gan_loss_mutual_information_options, struct_size, 0);
AT(gan_loss_mutual_information_options, categorical_weight, 8);
AT(gan_loss_mutual_information_options, continuous_weight, 16);
AT(gan_loss_mutual_information_options, log_sigma_low, 24);
AT(gan_loss_mutual_information_options, log_sigma_high, 32);
AT(gan_loss_mutual_information_options, entropy, 40);
AT(gan_loss_mutual_information_options, reserved, 44);

/* 0.1 */
LAYOUT(gan_loss_cycle_options, 40);
AT(gan_loss_cycle_options, struct_size, 0);
AT(gan_loss_cycle_options, weight_a, 8);
AT(gan_loss_cycle_options, weight_b, 16);
AT(gan_loss_cycle_options, identity, 24);
AT(gan_loss_cycle_options, distance, 32);
AT(gan_loss_cycle_options, reserved, 36);

/* 0.1 */
LAYOUT(gan_diff_augment_options, 64);
AT(gan_diff_augment_options, struct_size, 0);
AT(gan_diff_augment_options, color, 8);
AT(gan_diff_augment_options, translation, 12);
AT(gan_diff_augment_options, cutout, 16);
AT(gan_diff_augment_options, reserved, 20);
AT(gan_diff_augment_options, brightness, 24);
AT(gan_diff_augment_options, saturation, 32);
AT(gan_diff_augment_options, contrast, 40);
AT(gan_diff_augment_options, shift, 48);
AT(gan_diff_augment_options, cut, 56);

/* 0.1 */
LAYOUT(gan_model_options, 40);
AT(gan_model_options, struct_size, 0);
AT(gan_model_options, input, 8);
AT(gan_model_options, input_count, 12);
AT(gan_model_options, low, 16);
AT(gan_model_options, high, 24);
AT(gan_model_options, inputs, 32);

/* 0.1 */
LAYOUT(gan_monitor_options, 88);
AT(gan_monitor_options, struct_size, 0);
AT(gan_monitor_options, interval, 8);
AT(gan_monitor_options, samples, 16);
AT(gan_monitor_options, diversity, 24);
AT(gan_monitor_options, gradient_norm, 32);
AT(gan_monitor_options, saturation, 40);
AT(gan_monitor_options, discriminator_loss, 48);
AT(gan_monitor_options, spectrum_of, 56);
AT(gan_monitor_options, spectrum, 64);
AT(gan_monitor_options, lower_factor, 72);
AT(gan_monitor_options, policy, 80);
AT(gan_monitor_options, reserved, 84);

/* 0.1 */
LAYOUT(gan_adam_options, 64);
AT(gan_adam_options, struct_size, 0);
AT(gan_adam_options, learning_rate, 8);
AT(gan_adam_options, beta1, 16);
AT(gan_adam_options, beta2, 24);
AT(gan_adam_options, epsilon, 32);
AT(gan_adam_options, weight_decay, 40);
AT(gan_adam_options, prefix, 48);
AT(gan_adam_options, epsilon_mode, 56);
AT(gan_adam_options, reserved, 60);

/* 0.1 */
LAYOUT(gan_rmsprop_options, 80);
AT(gan_rmsprop_options, struct_size, 0);
AT(gan_rmsprop_options, learning_rate, 8);
AT(gan_rmsprop_options, alpha, 16);
AT(gan_rmsprop_options, epsilon, 24);
AT(gan_rmsprop_options, momentum, 32);
AT(gan_rmsprop_options, weight_decay, 40);
AT(gan_rmsprop_options, centered, 48);
AT(gan_rmsprop_options, reserved, 52);
AT(gan_rmsprop_options, prefix, 56);
AT(gan_rmsprop_options, initial_square, 64);
AT(gan_rmsprop_options, epsilon_mode, 72);
AT(gan_rmsprop_options, reserved2, 76);

/* 0.1 */
LAYOUT(gan_sgd_options, 56);
AT(gan_sgd_options, struct_size, 0);
AT(gan_sgd_options, learning_rate, 8);
AT(gan_sgd_options, momentum, 16);
AT(gan_sgd_options, dampening, 24);
AT(gan_sgd_options, weight_decay, 32);
AT(gan_sgd_options, nesterov, 40);
AT(gan_sgd_options, reserved, 44);
AT(gan_sgd_options, prefix, 48);

/* 0.1 */
LAYOUT(gan_group_options, 32);
AT(gan_group_options, struct_size, 0);
AT(gan_group_options, prefix, 8);
AT(gan_group_options, learning_rate_factor, 16);
AT(gan_group_options, weight_decay, 24);

/* 0.1 */
LAYOUT(gan_schedule_options, 64);
AT(gan_schedule_options, struct_size, 0);
AT(gan_schedule_options, kind, 8);
AT(gan_schedule_options, reserved, 12);
AT(gan_schedule_options, start, 16);
AT(gan_schedule_options, length, 24);
AT(gan_schedule_options, interval, 32);
AT(gan_schedule_options, factor, 40);
AT(gan_schedule_options, final_factor, 48);
AT(gan_schedule_options, warm_up, 56);

/* 0.1 */
LAYOUT(gan_progress, 80);
AT(gan_progress, struct_size, 0);
AT(gan_progress, step, 8);
AT(gan_progress, steps, 16);
AT(gan_progress, epochs, 24);
AT(gan_progress, images_per_second, 32);
AT(gan_progress, seconds_elapsed, 40);
AT(gan_progress, seconds_left, 48);
AT(gan_progress, metric_count, 56);
AT(gan_progress, reserved, 60);
AT(gan_progress, metric_names, 64);
AT(gan_progress, metric_values, 72);

/* 0.1 */
LAYOUT(gan_run_options, 144);
AT(gan_run_options, struct_size, 0);
AT(gan_run_options, folder, 8);
AT(gan_run_options, steps, 16);
AT(gan_run_options, sample_interval, 24);
AT(gan_run_options, checkpoint_interval, 32);
AT(gan_run_options, checkpoint_keep, 40);
AT(gan_run_options, log_interval, 48);
AT(gan_run_options, sheet_count, 56);
AT(gan_run_options, sheet_columns, 64);
AT(gan_run_options, sheet_zoom, 72);
AT(gan_run_options, sample_seed, 80);
AT(gan_run_options, seconds, 88);
AT(gan_run_options, overwrite, 96);
AT(gan_run_options, on_divergence, 100);
AT(gan_run_options, roll_backs, 104);
AT(gan_run_options, roll_back_factor, 112);
AT(gan_run_options, best_metric, 120);
AT(gan_run_options, best_is_highest, 128);
AT(gan_run_options, reserved, 132);
AT(gan_run_options, statistics_count, 136);

/* 0.1 */
LAYOUT(gan_session_options, 32);
AT(gan_session_options, struct_size, 0);
AT(gan_session_options, batch, 8);
AT(gan_session_options, threads, 16);
AT(gan_session_options, reserved, 20);
AT(gan_session_options, executor, 24);

/* 0.1 */
LAYOUT(gan_features_options, 40);
AT(gan_features_options, struct_size, 0);
AT(gan_features_options, keep, 8);
AT(gan_features_options, output, 12);
AT(gan_features_options, extract, 16);
AT(gan_features_options, release, 24);
AT(gan_features_options, user, 32);

/* 0.1 */
LAYOUT(gan_score, 128);
AT(gan_score, struct_size, 0);
AT(gan_score, metric, 8);
AT(gan_score, has_seed, 12);
AT(gan_score, value, 16);
AT(gan_score, error, 24);
AT(gan_score, reals, 32);
AT(gan_score, fakes, 40);
AT(gan_score, setting, 48);
AT(gan_score, seed, 56);
AT(gan_score, features, 64);

/* 0.1 */
LAYOUT(gan_kernel_distance_options, 32);
AT(gan_kernel_distance_options, struct_size, 0);
AT(gan_kernel_distance_options, subsets, 8);
AT(gan_kernel_distance_options, subset_size, 16);
AT(gan_kernel_distance_options, seed, 24);

/* 0.1 */
LAYOUT(gan_neighbour_options, 16);
AT(gan_neighbour_options, struct_size, 0);
AT(gan_neighbour_options, k, 8);

/* 0.1 */
LAYOUT(gan_bins_options, 40);
AT(gan_bins_options, struct_size, 0);
AT(gan_bins_options, bins, 8);
AT(gan_bins_options, iterations, 16);
AT(gan_bins_options, seed, 24);
AT(gan_bins_options, significance, 32);

/* 0.1 */
LAYOUT(gan_parzen_options, 32);
AT(gan_parzen_options, struct_size, 0);
AT(gan_parzen_options, low, 8);
AT(gan_parzen_options, high, 16);
AT(gan_parzen_options, count, 24);

/* 0.1 */
LAYOUT(gan_classifier_score_options, 16);
AT(gan_classifier_score_options, struct_size, 0);
AT(gan_classifier_score_options, splits, 8);

/* 0.1 */
LAYOUT(gan_modes, 64);
AT(gan_modes, struct_size, 0);
AT(gan_modes, points, 8);
AT(gan_modes, centres, 16);
AT(gan_modes, modes, 24);
AT(gan_modes, high_quality, 32);
AT(gan_modes, share, 40);
AT(gan_modes, divergence, 48);
AT(gan_modes, reverse_divergence, 56);

/* 0.1 */
LAYOUT(gan_modes_options, 24);
AT(gan_modes_options, struct_size, 0);
AT(gan_modes_options, radius, 8);
AT(gan_modes_options, rule, 16);
AT(gan_modes_options, reserved, 20);

/* 0.1 */
LAYOUT(gan_ms_ssim_options, 32);
AT(gan_ms_ssim_options, struct_size, 0);
AT(gan_ms_ssim_options, low, 8);
AT(gan_ms_ssim_options, high, 16);
AT(gan_ms_ssim_options, scales, 24);

#endif

typedef int layout_checked;
