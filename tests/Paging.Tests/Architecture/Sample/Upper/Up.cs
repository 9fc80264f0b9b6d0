namespace Paging.Tests.Architecture.Sample.Upper;

/// <summary>What stands above.</summary>
internal class Up
{
    internal const int Number = 7;

    internal static string Name { get; } = "up";
}

internal interface IUp;

internal struct UpValue;

internal enum UpKind
{
    Low,
    High,
}

internal sealed class UpException : Exception;

[AttributeUsage(AttributeTargets.All)]
internal sealed class UpMarkAttribute : Attribute;
